"""Options that several commands share, declared once as the fields of a dataclass.

Belongs here: turning a parameter that is such a group into one command-line option per field.
Does not belong here: any option.
"""

import functools
import inspect
import shlex
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints


def typed(group: Any) -> str:  # noqa: ANN401 - a dataclass
    """The options of a group that were used, as they are typed."""
    return typed_options({one.name: getattr(group, one.name) for one in fields(group)})


def typed_options(values: Mapping[str, Any]) -> str:
    """Options by name as they are typed; ``None`` is none."""
    words: list[str] = []
    for name, value in values.items():
        option = f"--{'no-' * (value is False)}{name.replace('_', '-')}"
        for item in value if isinstance(value, list) else [value]:
            flag = isinstance(item, bool)
            words += [] if item is None else [option] if flag else [option, shlex.quote(str(item))]
    return "".join(f" {word}" for word in words)


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """Let ``function`` take every dataclass among its parameters as options, one per field.

    The first sentence of the dataclass is the heading of its options in ``--help``.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind) and isinstance(kind, type)}

    @functools.wraps(function)
    def command(**values: Any) -> None:  # noqa: ANN401 - whatever the options hold
        options = {
            name: group(**{one.name: values.pop(one.name) for one in fields(group)})
            for name, group in groups.items()
        }
        function(**values, **options)

    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in groups:
            parameters.append(parameter.replace(annotation=hints[name]))
            continue
        types = get_type_hints(groups[name], include_extras=True)
        for one in fields(groups[name]):
            default = inspect.Parameter.empty if one.default is MISSING else one.default
            kind = inspect.Parameter.KEYWORD_ONLY
            for option in getattr(types[one.name], "__metadata__", ()):
                option.rich_help_panel = (groups[name].__doc__ or "").splitlines()[0].rstrip(".") or None
            parameters.append(inspect.Parameter(one.name, kind, default=default, annotation=types[one.name]))
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([one.replace(kind=keyword) for one in parameters])
    command.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads the options from
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    del command.__wrapped__  # its signature is not the command's
    return command

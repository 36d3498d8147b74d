"""Options of commands, derived from the models that they fill in.

Belongs here: one option for every field of a model, with its bounds, choices and description.
Does not belong here: what the fields mean (the models), and what a command does with them.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Annotated, Any, get_type_hints

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from forecast_assets.derived import bounds_of, kind_of
from forecast_assets.forecasting.core.candidates.catalogue import split
from forecast_assets.model_validation import validate_model

# Lists that are written with commas, too. Elements of other lists may hold some: their option is repeated.
COMMAS = frozenset({"candidates", "models", "stores", "products"})
# What an option was called before its field, or is called shorter.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "n_splits": ("--folds", "--n-splits"),
    "default_child_priority": ("--priority",),
}
# Open bounds are the model's to check.
_CLOSED = {"ge": "min", "le": "max"}
Command = Callable[..., None]


def takes(
    model: type[BaseModel],
    *,
    parameter: str = "config",
    arguments: Collection[str] = (),
    without: Collection[str] = (),
    defaults: Mapping[str, object] | None = None,
    panel: str | None = None,
) -> Callable[[Command], Command]:
    """Let a command take the fields of ``model`` as options in place of its ``parameter``.

    ``arguments`` are fields that are written without a name, ``without`` those that the command does not
    offer, ``defaults`` what it takes where the model has none of its own or another one; ``panel`` is the
    heading in ``--help`` that the options stand under. The command raises
    ``BadSetting`` for values that the model refuses.
    """
    fields = {name: field for name, field in model.model_fields.items() if name not in without}
    own = {
        name: _parameter(
            name,
            field,
            is_argument=name in arguments,
            default=(defaults or {}).get(name),
            panel=panel,
        )
        for name, field in fields.items()
    }

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)
        kept = [
            one.replace(annotation=hints[one.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for one in signature.parameters.values()
            if one.name != parameter
        ]

        @functools.wraps(command)
        def filled(**options: Any) -> None:  # noqa: ANN401 - whatever an option holds
            values = {name: _read(name, field, options.pop(name)) for name, field in fields.items()}
            config = validate_model(
                model, {name: v for name, v in values.items() if v is not None}, what="option"
            )
            command(**{parameter: config}, **options)

        positional = [one for one in own.values() if one.name in arguments]
        parameters = [*positional, *kept, *(one for one in own.values() if one.name not in arguments)]
        filled.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # Python's way
        filled.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
        return filled

    return decorate


def option_names(name: str) -> tuple[str, ...]:
    """Return how the option of a field may be written."""
    return SPELLINGS.get(name, (f"--{name.replace('_', '-')}",))


def _read(name: str, field: FieldInfo, value: object) -> object:
    """What an option holds as its field wants it."""
    if name in COMMAS and isinstance(value, list):
        value = [one for text in value for one in split(text)]
    if isinstance(value, list) and field.annotation == tuple[str, ...]:
        return tuple(value)
    return value.value if isinstance(value, Enum) else value


def _parameter(
    name: str, field: FieldInfo, *, is_argument: bool, default: object, panel: str | None = None
) -> inspect.Parameter:
    kind = list[str] if name in COMMAS else kind_of(name, field)
    own = None if field.is_required() else _default(field)
    if default is None and kind is bool:
        default = own
    names = option_names(name)
    if kind is bool and default:
        names = (f"{names[0]}/--no-{names[0].removeprefix('--')}",)
    is_required = default is None and field.is_required()
    bounds = {_CLOSED[name]: edge for name, edge in bounds_of(field).items() if name in _CLOSED}
    text = field.description or ""
    # An unused option stays empty, so that the model can tell its defaults from what a person wrote.
    words = ",".join(own) if isinstance(own, list) else str(own)
    shown_default = words if default is None and own is not None else True
    info = (
        typer.Argument(help=text, show_default=shown_default)
        if is_argument
        else typer.Option(*names, help=text, show_default=shown_default, rich_help_panel=panel, **bounds)
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if is_required else default,
        annotation=Annotated[kind if is_required or default is not None else kind | None, info],
    )


def _default(field: FieldInfo) -> object:
    """What an unused option holds; a list that is empty by default is not there."""
    default = field.default
    return list(default) or None if isinstance(default, list | tuple) else default

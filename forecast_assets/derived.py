"""Fields of one model as the fields of another: what a person may fill in of settings.

Belongs here: choices, bounds and optional copies of fields, for Launchpads and for commands.
Does not belong here: the settings themselves, and how they are asked for (``cli.options``).
"""

from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

_BOUNDS = ("ge", "gt", "le", "lt")


def optional(model: type[BaseModel], *, unset: str, base: type[BaseModel] = BaseModel) -> type[BaseModel]:
    """Return a model on ``base`` with every field of ``model``, each of which may stay unset.

    With ``dagster.Config`` as its base it is a Launchpad's configuration. Bounds stay; a ``Literal``
    becomes an enumeration, whose members the Launchpad offers by name. ``unset`` ends each
    description: it says what holds where nothing is filled in.
    """
    fields: dict[str, Any] = {
        name: (
            kind_of(name, field) | None,
            Field(default=None, description=f"{field.description or ''} {unset}", **bounds_of(field)),
        )
        for name, field in model.model_fields.items()
    }
    return create_model(f"Optional{model.__name__}", __base__=base, **fields)


def kind_of(name: str, field: FieldInfo) -> Any:  # noqa: ANN401 - a type
    """Return the type of what a person fills in: without ``None``, lists for tuples, names for literals."""
    kind: Any = field.annotation
    if get_origin(kind) in {Union, UnionType}:
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Literal:
        return _choices(name.title().replace("_", ""), get_args(kind))
    return list[str] if kind == tuple[str, ...] else kind


@lru_cache
def _choices(name: str, values: tuple[str, ...]) -> type[Enum]:
    return Enum(name, {value: value for value in values})  # type: ignore[return-value]  # the names are data


def bounds_of(field: FieldInfo) -> dict[str, Any]:
    """Return the bounds of a number by the names that pydantic gives them."""
    return {name: getattr(rule, name) for rule in field.metadata for name in _BOUNDS if hasattr(rule, name)}

"""Values that people give, checked against a model of settings.

Belongs here: turning the first fault that pydantic finds into our own words, with the remedy.
Does not belong here: the settings themselves.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from forecast_assets.errors import BadSetting

Model = TypeVar("Model", bound=BaseModel)


class Fault(NamedTuple):
    """Where a value stands, with dots, and what is wrong with it; never the value, which may be secret."""

    place: str
    why: str


def faults(error: ValidationError) -> list[Fault]:
    """Return what pydantic says of values, for sentences of our own."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return [Fault(".".join(map(str, one["loc"])), one["msg"]) for one in details]


def validate_model(model: type[Model], values: Mapping[str, object], *, what: str) -> Model:
    """Return ``model`` made of ``values``. Raises ``BadSetting`` naming the first bad one.

    The remedy is the description of the field, or the fields that ``what`` has.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        place, why = faults(error)[0]
        name = place.split(".")[0] or what
        field = model.model_fields.get(name)
        raise BadSetting(
            f"{name} = {values.get(name)!r}: {why}",
            remedy=(field.description or "correct it")
            if field is not None
            else f"use one of {', '.join(model.model_fields)}",
        ) from None

"""Values that people give, checked against a model of settings.

Belongs here: turning the first fault that pydantic finds into our own words, with the remedy.
Does not belong here: the settings themselves.
"""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from forecast_assets.errors import BadSetting

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], values: Mapping[str, object], *, what: str) -> Model:
    """Answer ``model`` made of ``values``. Raises ``BadSetting`` naming the first bad one.

    The remedy is the description of the field, or the fields that ``what`` has.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else what
        field = model.model_fields.get(name)
        raise BadSetting(
            f"{name} = {values.get(name)!r}: {first['msg']}",
            remedy=(field.description or "correct it")
            if field is not None
            else f"use one of {', '.join(model.model_fields)}",
        ) from None

"""Where sales come from: a file or folder, a query, a preset.

Belongs here: the list of all kinds of sources. A new kind is a module of its own and a name in this list.
Does not belong here: what any of them does.
"""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from forecast_assets.datasets.sources.columns import Columns
from forecast_assets.datasets.sources.files import FileSource
from forecast_assets.datasets.sources.preset import PresetSource
from forecast_assets.datasets.sources.sql import SqlSource
from forecast_assets.errors import BadSetting, listed
from forecast_assets.model_validation import faults


def _refuse_without_input(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """Refuse a source in our own words: pydantic would show its input, and that may be a password."""
    try:
        return handler(value)
    except ValidationError as error:
        problems = [f"{one.place.partition('.')[2] or 'kind'}: {one.why}" for one in faults(error)]
        raise BadSetting(
            f"this is no source of sales: {listed(problems)}", remedy="correct or remove these fields"
        ) from None


Source = Annotated[
    FileSource | SqlSource | PresetSource, Field(discriminator="kind"), WrapValidator(_refuse_without_input)
]
SOURCE: TypeAdapter[Source] = TypeAdapter(Source)

__all__ = ["SOURCE", "Columns", "FileSource", "PresetSource", "Source", "SqlSource"]

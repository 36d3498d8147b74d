"""Sources whose rows need no rules: columns have types, dates are dates, one row is one fact.

Belongs here: what such sources say instead of what a person declares of files.
Does not belong here: any one kind of source.
"""

from typing import ClassVar

from forecast_assets.datasets.sources.base import SourceBase
from forecast_assets.datasets.sources.dialects import Dialect
from forecast_assets.datasets.sources.row_rules import RowRules


class PlainSource(SourceBase):
    """A source of typed rows; ``kind``, ``columns``, ``name``, ``fingerprint`` and ``parts`` are its own."""

    map_ids: ClassVar[bool] = True
    rows: ClassVar[RowRules] = RowRules()
    dialect: ClassVar[Dialect] = Dialect()
    date_format: ClassVar[None] = None
    first_day: ClassVar[None] = None

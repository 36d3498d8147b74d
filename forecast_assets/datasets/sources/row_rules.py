"""What happens to rows that are not one a day: receipts, returns, stamps, exports that overlap.

Belongs here: the options and their meaning, the same for every kind of source.
Does not belong here: applying them (``dates``, ``merging``).
"""

from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator

from forecast_assets.datasets.sources.base import Strict
from forecast_assets.errors import BadSetting


class RowRules(Strict):
    """How rows become one row per store, product and day. Unset: what is not one row a day is refused."""

    time_zone: str | None = Field(
        default=None, description="Zone of the stores, as Europe/Paris; stamps without a zone are UTC."
    )
    cut_time: bool = Field(default=False, description="Take the day of a stamp and leave its time out.")
    receipts: Literal["refuse", "sum"] = Field(
        default="refuse", description="sum: add up all rows of a store, product and day."
    )
    returns: Literal["refuse", "keep", "zero"] = Field(
        default="refuse",
        description="What a day of more returns than sales becomes: no sale, with the units kept as "
        "returns (keep) or dropped (zero).",
    )
    overlap: Literal["refuse", "newest", "newest-time"] = Field(
        default="refuse",
        description="Which file wins a day that several hold: the last by name, or by time of writing.",
    )

    twins: Literal["refuse", "keep"] = Field(
        default="refuse",
        description="Ids that differ only by case, blanks or Unicode form: keep takes them as two.",
    )

    totals: Literal["refuse", "drop"] = Field(
        default="refuse",
        description="drop: leave out rows without a date, as sums at the end.",
    )

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise BadSetting(f"there is no time zone {value!r}", remedy="name one as Europe/Paris or UTC")
        return value

    @property
    def any_time(self) -> bool:
        """Whether a time of day may stand in the dates."""
        return self.cut_time or self.receipts == "sum"

    @property
    def nets(self) -> bool:
        """Whether rows below zero may stand in the source."""
        return self.receipts == "sum" or self.returns != "refuse"

"""The places where state lives, as one object that functions take."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Dagster's daemon needs the database's address, and neither polars nor pyarrow
    from collections.abc import Callable

    from forecast_assets.stores.lake import Lake
    from forecast_assets.stores.warehouse import Warehouse


@dataclass(frozen=True)
class Stores:
    """The warehouse (PostgreSQL), and the lake (Parquet files), which is opened when it is first used."""

    warehouse: "Warehouse"
    open_lake: "Callable[[], Lake]"

    @cached_property
    def lake(self) -> "Lake":
        """The lake. Raises ``BadSetting`` for an address that it cannot have."""
        return self.open_lake()

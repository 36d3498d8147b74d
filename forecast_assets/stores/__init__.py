"""The places where state lives, as one object that functions take."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Dagster's daemon needs the database's address, and neither polars nor pyarrow
    from forecast_assets.stores.lake import Lake
    from forecast_assets.stores.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Stores:
    """The warehouse (PostgreSQL) and the lake (Parquet files)."""

    warehouse: "Warehouse"
    lake: "Lake"

"""Star schemas in the lake, one per snapshot of a preset.

Belongs here: where they lie and writing them.
Does not belong here: what they hold (``star``).
"""

from forecast_assets.datasets.presets.selling import Selling
from forecast_assets.datasets.presets.star import chain_tables, store_tables
from forecast_assets.datasets.presets.world import World
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.paths import STAR


def star_path(sales_path: str) -> str:
    """The folder of the star schema that belongs to the sales below ``sales_path``."""
    return STAR.path(sales_path.partition("/")[2])


def write_star(lake: Lake, path: str, world: World) -> None:
    """Write one file per table, and one per store of the tables that have a row per day."""
    for name, table in chain_tables(world):
        lake.write_table(f"{path}/{name}.parquet", table.to_arrow())
    for number, store in enumerate(world.stores):
        for name, table in store_tables(Selling(world, number)):
            lake.write_table(f"{path}/{name}/{store.code}.parquet", table.to_arrow())

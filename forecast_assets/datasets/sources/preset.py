"""Generated sales of a preset as a source.

Belongs here: what fixes the generated sales, and their rows store by store.
Does not belong here: how they are generated (``datasets.presets``).
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from forecast_assets.datasets.presets.catalogue import GENERATION, check_window
from forecast_assets.datasets.presets.keeping import star_path, write_star
from forecast_assets.datasets.presets.options import Overrides, ProductCount, StoreCount
from forecast_assets.datasets.presets.rows import STATIC, sales_of
from forecast_assets.datasets.presets.selling import Selling
from forecast_assets.datasets.presets.world import Blueprint, World
from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.columns import Columns
from forecast_assets.datasets.sources.plain import PlainSource
from forecast_assets.stores.lake import Lake

if TYPE_CHECKING:
    import pyarrow as pa


class PresetSource(Overrides, PlainSource):
    """Generated sales of a preset. Window and size are fixed when it is added, so that it never moves."""

    kind: Literal["preset"] = "preset"
    stores: StoreCount = Field(description="Number of stores.")
    products: ProductCount = Field(description="Number of products.")
    start: date = Field(description="First day.")
    end: date = Field(description="Last day that sells; plans reach 90 days further.")
    columns: ClassVar[Columns] = Columns(
        price="price", promo="promo", holiday="holiday", known_future=("discount",), static=STATIC
    )

    @model_validator(mode="after")
    def _window_can_be_filled(self) -> Self:
        check_window(self.preset, self.start, self.end)
        return self

    @property
    def name(self) -> str:
        """How messages call this source."""
        return f"preset {self.preset} with seed {self.seed}"

    def blueprint(self) -> Blueprint:
        """What is to be generated."""
        return Blueprint(
            character=self.character(),
            effects=frozenset(self.effects),
            seed=self.seed,
            stores=self.stores,
            products=self.products,
            start=self.start,
            end=self.end,
        )

    def fingerprint(self) -> str:
        """Hash of the settings and of the release of the generator."""
        digest = hashlib.blake2b(self.model_dump_json().encode(), digest_size=16)
        digest.update(f"generation {GENERATION}".encode())
        return digest.hexdigest()

    def parts(self) -> Iterator[Part]:
        """One part per store."""
        world = World(self.blueprint())
        yield from (_generated(world, number) for number in range(self.stores))

    def companions(self, lake: Lake, sales_path: str) -> dict[str, object]:
        """Write the star schema of the same sales."""
        path = star_path(sales_path)
        write_star(lake, path, World(self.blueprint()))
        return {"star_schema": path}


def _generated(world: World, number: int) -> Part:
    def read(columns: Sequence[str]) -> "pa.Table":
        # Made when it is read: only one store at a time is in memory.
        return sales_of(Selling(world, number)).select(columns).to_arrow()

    return Part(read)

"""Worlds to look into: a preset with whatever a test wants to differ."""

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl

from forecast_assets.datasets.presets.catalogue import PRESETS, Character, Preset
from forecast_assets.datasets.presets.options import demo_scaled, requested
from forecast_assets.datasets.presets.selling import Selling
from forecast_assets.datasets.presets.star import chain_tables, store_tables
from forecast_assets.datasets.presets.world import Blueprint, World
from forecast_assets.datasets.sources import PresetSource

TODAY = dt.date(2026, 3, 31)
# Nothing happens by chance: what is left is the formula.
CALM = {
    "noise_sigma": 0.0,
    "anomaly_probability": 0.0,
    "promotion_probability": 0.0,
    "stockout_probability": 0.0,
}


def source(preset: Preset | str, **wishes: Any) -> PresetSource:
    """The source of a preset as if it were added on ``TODAY``."""
    return PresetSource.model_validate(requested({"preset": preset, **wishes}).fixed(TODAY))


def demo(preset: Preset, **wishes: Any) -> PresetSource:
    """The same at demo size."""
    return source(**{**demo_scaled(preset).model_dump(exclude_none=True), **wishes})


def world(
    preset: Preset = Preset.retail_standard, *, seed: int = 7, effects: Any = (), **character: Any
) -> World:
    """Two stores, twenty products and 200 days of a preset whose character is changed."""
    changed: Character = replace(PRESETS[preset].character, **character)
    start = TODAY - dt.timedelta(days=199)
    return World(Blueprint(changed, frozenset(effects), seed, 2, 20, start, TODAY))


def selling(*args: Any, **kwargs: Any) -> Selling:
    """The first store of ``world``."""
    return Selling(world(*args, **kwargs), 0)


def star(chain: World) -> dict[str, pl.DataFrame]:
    """Every table of a star schema, all stores in one."""
    tables: dict[str, list[pl.DataFrame]] = {name: [table] for name, table in chain_tables(chain)}
    for number in range(len(chain.stores)):
        for name, table in store_tables(Selling(chain, number)):
            tables.setdefault(name, []).append(table)
    return {name: pl.concat(parts) for name, parts in tables.items()}

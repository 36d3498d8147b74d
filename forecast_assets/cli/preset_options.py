"""The options that describe generated sales, and the preset they mean.

Belongs here: what is typed of a preset.
Does not belong here: other sources (``source_options``), what a preset generates (``datasets.presets``).
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from forecast_assets.datasets.presets.catalogue import Preset
from forecast_assets.datasets.presets.options import local_today, requested
from forecast_assets.datasets.sources import PresetSource
from forecast_assets.errors import BadSetting, listed

_PRESET = "Preset: "


@dataclass(frozen=True, slots=True)
class PresetOptions:
    """Generated sales."""

    preset: Annotated[str | None, typer.Option(help=f"Generated sales: {', '.join(Preset)}.")] = None
    seed: Annotated[int | None, typer.Option(help=_PRESET + "seed of all numbers, 42 by default.")] = None
    stores: Annotated[int | None, typer.Option(help=_PRESET + "number of stores, 1 to 100.")] = None
    products: Annotated[int | None, typer.Option(help=_PRESET + "number of products, 1 to 500.")] = None
    start: Annotated[str | None, typer.Option(help=_PRESET + "first day, YYYY-MM-DD.")] = None
    end: Annotated[str | None, typer.Option(help=_PRESET + "last day; today by default.")] = None
    window_days: Annotated[int | None, typer.Option(help=_PRESET + "days before the last, 75-365.")] = None
    sparsity: Annotated[float | None, typer.Option(help=_PRESET + "share never sold, up to 0.9.")] = None
    promotion_intensity: Annotated[
        float | None, typer.Option(help=_PRESET + "promotions a product and 30 days, up to 0.5.")
    ] = None
    stockout_intensity: Annotated[
        float | None, typer.Option(help=_PRESET + "share of days without stock, up to 0.5.")
    ] = None
    noise_sigma: Annotated[float | None, typer.Option(help=_PRESET + "noise, up to 0.5.")] = None
    effects: Annotated[str | None, typer.Option(help=_PRESET + "effects, with commas.")] = None

    def named(self) -> dict[str, Any]:
        """Everything that was said."""
        options = {name: value for name, value in asdict(self).items() if value is not None}
        return options | ({"effects": options["effects"].split(",")} if "effects" in options else {})


def preset_source(options: PresetOptions, *, alone: bool, by_period: bool) -> PresetSource:
    """The preset that is meant; days that are added up (``by_period``) reach as far back as they can.

    Raises ``BadSetting`` where only other sources, or no preset, was named.
    """
    named = options.named()
    if "preset" not in named:
        raise BadSetting(
            f"{listed([f'--{name}'.replace('_', '-') for name in named])} only says something of a preset",
            remedy=f"give --preset with one of {', '.join(Preset)}",
        )
    if not alone:
        raise BadSetting(
            "a dataset has one source, and a preset brings its own columns",
            remedy="leave --path, --sql-url and the names of columns out, or leave --preset out",
        )
    wishes = requested(named)
    return PresetSource.model_validate((wishes.longest() if by_period else wishes).fixed(local_today()))

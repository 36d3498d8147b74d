"""What a person may say about a preset.

Belongs here: the overrides with their bounds, fixing the window and the size, the small size of a showcase.
Does not belong here: the presets themselves (``catalogue``), how options are read (``cli``, ``jobs``).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from forecast_assets.datasets.presets.catalogue import EFFECT_TEXTS, PRESETS, Character, Effect, Preset
from forecast_assets.errors import BadSetting
from forecast_assets.model_validation import validate_model

StoreCount = Annotated[int, Field(ge=1, le=100)]
ProductCount = Annotated[int, Field(ge=1, le=500)]

_MOST_BACK = 365


class Overrides(BaseModel):
    """A preset, its seed and what is to differ from it; what is unset is the preset's own."""

    # Whole numbers and dates also arrive as JSON and as text of a command line: only the meaning is strict.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    preset: Preset = Field(description=f"One of {', '.join(Preset)}.")
    seed: int = Field(
        default=42,
        ge=0,
        lt=2**53,
        description="A whole number; the same preset and seed give the same sales.",
    )
    sparsity: float | None = Field(
        default=None,
        ge=0,
        le=0.9,
        description="Share of pairs that never sell, 0 to 0.9; 0 keeps the preset's.",
    )
    promotion_intensity: float | None = Field(
        default=None, ge=0, le=0.5, description="Promotions that start per product in 30 days, 0 to 0.5."
    )
    stockout_intensity: float | None = Field(
        default=None, ge=0, le=0.5, description="Share of days without stock, 0 to 0.5."
    )
    noise_sigma: float | None = Field(
        default=None, ge=0, le=0.5, description="Standard deviation of the noise, 0 to 0.5."
    )
    effects: tuple[Effect, ...] = Field(
        default=(),
        description="Switched on beside it: "
        + "; ".join(f"{effect}: {text}" for effect, text in EFFECT_TEXTS.items()),
    )

    def character(self) -> Character:
        """How sales behave: the preset with its overrides applied."""
        overrides: dict[str, Any] = {
            "sparsity": self.sparsity or None,
            "promotion_probability": self.promotion_intensity,
            "stockout_probability": self.stockout_intensity,
            "noise_sigma": self.noise_sigma,
        }
        changes = {name: value for name, value in overrides.items() if value is not None}
        return replace(PRESETS[self.preset].character, **changes)


class PresetOptions(Overrides):
    """What a dataset of a preset is asked for with."""

    stores: StoreCount | None = Field(default=None, description="Number of stores, 1 to 100.")
    products: ProductCount | None = Field(default=None, description="Number of products, 1 to 500.")
    window_days: int | None = Field(
        default=None,
        ge=75,
        le=_MOST_BACK,
        description="Days the window reaches back from its last day, 75 to 365.",
    )
    start: dt.date | None = Field(default=None, description="First day of the window, YYYY-MM-DD.")
    end: dt.date | None = Field(default=None, description="Last day of the window; today when unset.")

    def longest(self) -> "PresetOptions":
        """Return these options with the longest window there is, where nothing says how long it is."""
        if self.window_days is not None or self.start is not None or PRESETS[self.preset].pinned is not None:
            return self
        return self.model_copy(update={"window_days": _MOST_BACK})

    def fixed(self, today: dt.date) -> dict[str, object]:
        """The fields of a source: window and size are settled, so that its sales never change by themselves.

        Raises ``BadSetting`` for a window that cannot be.
        """
        native = PRESETS[self.preset].native
        start, end = self._window(today)
        kept = {name: getattr(self, name) for name in Overrides.model_fields}
        return kept | {
            "stores": self.stores or native.stores,
            "products": self.products or native.products,
            "start": start,
            "end": end,
            "effects": tuple(effect for effect in Effect if effect in self.effects),
        }

    def _window(self, today: dt.date) -> tuple[dt.date, dt.date]:
        pinned = PRESETS[self.preset].pinned
        if self.window_days is not None and (pinned is not None or self.start is not None):
            raise BadSetting(
                f"window_days cannot be chosen for {self.preset}: its window is pinned"
                if pinned is not None
                else "start and window_days both say where the window begins",
                remedy="leave window_days out",
            )
        if pinned is not None:
            return self.start or pinned[0], self.end or pinned[1]
        end = self.end or today
        if end > today:
            raise BadSetting(
                f"end {end} lies after today, {today}", remedy="choose a day that may have been sold already"
            )
        span = self.window_days or PRESETS[self.preset].native.span
        return self.start or end - dt.timedelta(days=span), end


def requested(values: Mapping[str, object]) -> PresetOptions:
    """Read what was asked for. Raises ``BadSetting`` naming the first option that cannot be."""
    return validate_model(PresetOptions, values, what="preset")


def demo_scaled(preset: Preset, seed: int = 42) -> PresetOptions:
    """The small size of a preset that a showcase uses."""
    entry = PRESETS[preset]
    stores, products, span = entry.demo
    window = None if entry.pinned else span
    return PresetOptions(preset=preset, seed=seed, stores=stores, products=products, window_days=window)


def local_today() -> dt.date:
    """Today on this machine: the day a window ends on unless another is asked for."""
    return dt.datetime.now().astimezone().date()

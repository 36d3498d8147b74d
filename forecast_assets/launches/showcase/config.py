"""What a person fills in to launch a showcase, and what of it is refused.

Belongs here: the fields of the Launchpad and of ``forecast-assets submit showcase``, and their checks.
Does not belong here: the steps (``steps``) and the record of a kept run (``workspaces``).
"""

import json
import re
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b

from pydantic import BaseModel, Field

from forecast_assets.datasets.presets.catalogue import Preset
from forecast_assets.datasets.presets.options import PresetOptions, demo_scaled, local_today, requested
from forecast_assets.datasets.sources import PresetSource
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings, revised
from forecast_assets.launches.model import Plan
from forecast_assets.stores import Stores

Preservation = Enum("Preservation", {"ephemeral": "ephemeral", "keep": "keep"})
OVERRIDES = (
    "stores",
    "products",
    "window_days",
    "sparsity",
    "promotion_intensity",
    "stockout_intensity",
    "noise_sigma",
)
_NAME = re.compile(r"[a-z0-9][a-z0-9\-_]*")
_LONGEST_NAME = 100
_TEXTS = {name: field.description or "" for name, field in PresetOptions.model_fields.items()}
_OWN = " Unset: the preset's demo size."


class ShowcaseConfig(BaseModel):
    """Which preset is shown, how it differs, and whether the run is kept as a workspace."""

    preset: Preset = Field(description="What kind of sales; see `forecast-assets dataset presets`.")
    seed: int = Field(default=42, ge=0, description=_TEXTS["seed"])
    reset: bool = Field(default=False, description="Delete what an earlier showcase of this dataset made.")
    skip_seed: bool = Field(default=False, description="Use the dataset that is there; it must be.")
    preservation: Preservation = Field(
        default=Preservation.ephemeral, description="keep: remember the run as a workspace."
    )
    workspace_name: str | None = Field(
        default=None, description="With keep: small letters, digits, - and _; need not be unique."
    )
    stores: int | None = Field(default=None, ge=1, le=100, description=_TEXTS["stores"] + _OWN)
    products: int | None = Field(default=None, ge=1, le=500, description=_TEXTS["products"] + _OWN)
    window_days: int | None = Field(default=None, ge=75, le=365, description=_TEXTS["window_days"] + _OWN)
    sparsity: float | None = Field(default=None, ge=0, le=0.9, description=_TEXTS["sparsity"])
    promotion_intensity: float | None = Field(
        default=None, ge=0, le=0.5, description=_TEXTS["promotion_intensity"]
    )
    stockout_intensity: float | None = Field(
        default=None, ge=0, le=0.5, description=_TEXTS["stockout_intensity"]
    )
    noise_sigma: float | None = Field(default=None, ge=0, le=0.5, description=_TEXTS["noise_sigma"])
    models: list[str] = Field(
        default=["naive", "seasonal_naive", "moving_average"], description="Candidates, 1 to 10."
    )
    horizon: int = Field(default=14, ge=1, le=90, description="Periods forecast from each cutoff.")
    n_splits: int = Field(default=3, ge=2, le=20, description="Cutoffs, the newest one horizon ago.")
    store_id: str | None = Field(default=None, description="Show this pair; the first one if unset.")
    product_id: str | None = Field(default=None, description="Show this pair; the first one if unset.")
    replayed_from: str | None = Field(default=None, description="Workspace that this run repeats.")

    def recorded(self) -> dict[str, object]:
        """The configuration as a workspace keeps it."""
        record = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in record.items() if name != "replayed_from"}


@dataclass(frozen=True, slots=True)
class ShowcasePreset:
    """What was asked for, checked: the dataset of this showcase, its sales, its evaluation."""

    dataset: str
    source: PresetSource
    settings: EvaluationSettings

    @property
    def rich(self) -> bool:
        """Whether the long tour is made."""
        return self.source.preset is Preset.showcase_rich


def resolve(config: ShowcaseConfig) -> ShowcasePreset:
    """Return what ``config`` asks for. Raises ``BadSetting`` before anything is written."""
    kept = config.preservation is Preservation.keep
    name = config.workspace_name
    if name is not None and not kept:
        raise BadSetting("a workspace name needs preservation keep", remedy="set keep, or leave the name out")
    if kept and (name is None or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name)):
        raise BadSetting(
            f"workspace name {name!r} cannot be used",
            remedy=f"use up to {_LONGEST_NAME} small letters, digits, - and _, a letter or digit first",
        )
    if config.reset and config.skip_seed:
        raise BadSetting("reset deletes the data that skip_seed wants to use", remedy="set one of them")
    own = {name: getattr(config, name) for name in OVERRIDES}
    overrides = {name: value for name, value in own.items() if value is not None}
    if overrides and config.skip_seed:
        raise BadSetting(f"{', '.join(overrides)} need new data", remedy="leave skip_seed out")
    base = demo_scaled(config.preset, config.seed).model_dump(exclude_none=True)
    source = PresetSource.model_validate(requested({**base, **overrides}).fixed(local_today()))
    changes = {"candidates": config.models, "horizon": config.horizon, "n_splits": config.n_splits}
    return ShowcasePreset(_dataset(config, overrides), source, revised(EvaluationSettings(), changes))


def validate(_stores: Stores, config: ShowcaseConfig) -> Plan:
    """Return the plan of a showcase. Raises ``ForecastError`` before its first step."""
    preset = resolve(config)
    return Plan(
        what=f"preset {config.preset.value}",
        spec={
            "config": config.recorded(),
            "preset": config.preset.value,
            "seed": config.seed,
            "replayed_from": config.replayed_from,
        },
        dataset=preset.dataset,
    )


def _dataset(config: ShowcaseConfig, overrides: dict[str, object]) -> str:
    """The name of a showcase's own dataset: equal for equal data, whatever else is asked for."""
    text = json.dumps(overrides, sort_keys=True).encode()
    short = config.preset.value.replace("_", "-")
    mark = f"-{blake2b(text, digest_size=3).hexdigest()}" if overrides else ""
    return f"show-{short}-{config.seed}{mark}"

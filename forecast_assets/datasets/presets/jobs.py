"""A dataset of a preset from the Launchpad.

Belongs here: the job ``add_preset_dataset`` and how its configuration explains itself.
Does not belong here: what the fields mean and which values are possible (``options``).
"""

import dagster as dg
from pydantic import Field

from forecast_assets.datasets import building
from forecast_assets.datasets.definition import DatasetOptions, load, names
from forecast_assets.datasets.presets.catalogue import PRESETS, Effect, Preset
from forecast_assets.datasets.presets.options import PresetOptions, local_today, requested
from forecast_assets.datasets.sources import PresetSource
from forecast_assets.days import today
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launch_examples import example
from forecast_assets.stores.resource import StoresResource

_TEXTS = {name: field.description or "" for name, field in PresetOptions.model_fields.items()}
_OWN = " Unset: the preset's own."


class PresetConfig(dg.Config):
    """Which preset, under which name, and what is to differ from it."""

    name: str = Field(description="Name of the new dataset: the first part of every series key.")
    preset: Preset = Field(description="; ".join(f"{name}: {one.nature}" for name, one in PRESETS.items()))
    seed: int = Field(default=42, ge=0, description=_TEXTS["seed"])
    stores: int | None = Field(default=None, ge=1, le=100, description=_TEXTS["stores"] + _OWN)
    products: int | None = Field(default=None, ge=1, le=500, description=_TEXTS["products"] + _OWN)
    window_days: int | None = Field(default=None, ge=75, le=365, description=_TEXTS["window_days"] + _OWN)
    sparsity: float | None = Field(default=None, ge=0, le=0.9, description=_TEXTS["sparsity"] + _OWN)
    promotion_intensity: float | None = Field(
        default=None, ge=0, le=0.5, description=_TEXTS["promotion_intensity"] + _OWN
    )
    stockout_intensity: float | None = Field(
        default=None, ge=0, le=0.5, description=_TEXTS["stockout_intensity"] + _OWN
    )
    noise_sigma: float | None = Field(default=None, ge=0, le=0.5, description=_TEXTS["noise_sigma"] + _OWN)
    start: str | None = Field(default=None, description=_TEXTS["start"])
    end: str | None = Field(default=None, description=_TEXTS["end"])
    effects: list[Effect] = Field(default=[], description=_TEXTS["effects"])

    def source(self) -> PresetSource:
        """What is asked for, with the window fixed today. Raises ``BadSetting``."""
        options = self.model_dump(exclude={"name"}, exclude_none=True)
        return PresetSource.model_validate(requested(options).fixed(local_today()))


@dg.op(retry_policy=RETRY)
def add_preset(context: dg.OpExecutionContext, config: PresetConfig, stores: StoresResource) -> None:
    """Generate the sales of a preset, store them as a dataset and give it a partition.

    The same dataset once more is no error: a run that was cut off can be launched again.
    """
    with refusals_final():
        source, opened = config.source(), stores.open()
        if config.name in names(opened) and load(opened, config.name).source == source:
            context.log.info("dataset %s has these sales already", config.name)
        else:
            loaded = building.add_dataset(opened, config.name, source, DatasetOptions(), today())
            snapshot = loaded.snapshot
            context.log.info("added %s: %d series", config.name, snapshot.series_count)
    context.instance.add_dynamic_partitions("datasets", [config.name])


@dg.job(config=example("add_preset", name="example", preset=Preset.retail_standard.name))
def add_preset_dataset() -> None:
    """Add a dataset with generated sales; then launch ``build_dataset`` on its partition."""
    add_preset()

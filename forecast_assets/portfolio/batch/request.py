"""A batch before its first item: everything that can be refused is refused here.

Belongs here: checking a configuration against the dataset and the caps, and expanding it into items.
Does not belong here: storing it (``store``) and working it off (``crew``).
"""

import json
from dataclasses import asdict, dataclass

import polars as pl

from forecast_assets.backtests.settings import EvaluationSettings, revised
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.bounds import check_whole
from forecast_assets.forecasting.candidates.catalogue import candidate, entry
from forecast_assets.keys import SeriesKey
from forecast_assets.portfolio import scopes
from forecast_assets.portfolio.batch.config import BatchConfig
from forecast_assets.portfolio.scopes import Scope
from forecast_assets.portfolio.window import Window, chosen
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores

REGISTER = "train_backtest_register"
# What a batch that registers may choose freely, since it is not part of a version.
_FREE = {"candidates", "policy"}


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What was asked for, checked; ``parallel`` is what the deployment allows of it."""

    dataset: Dataset
    operation: str
    scope: Scope
    pairs: list[SeriesKey]
    settings: EvaluationSettings
    window: Window
    parallel: int
    priority: int
    params: dict[str, object]

    def items(self, batch_id: str) -> pl.DataFrame:
        """One row per pair and candidate, in the order in which they are worked off."""
        made = [split_label(label) for label in self.settings.candidates]
        return pl.DataFrame(
            [
                {
                    "batch_id": batch_id,
                    "series": str(key),
                    "store_id": key.store,
                    "product_id": key.product,
                    "candidate": label,
                    "model_type": model_type,
                    "params": json.dumps(params),
                    "priority": self.priority,
                }
                for key in self.pairs
                for label, (model_type, params) in zip(self.settings.candidates, made, strict=True)
            ]
        )


def checked(stores: Stores, config: BatchConfig) -> BatchRequest:
    """Answer what ``config`` asks for. Raises ``ForecastError`` before anything is written."""
    scope = config.chosen()
    check_whole("max_parallel", config.max_parallel, 1, 64)
    check_whole("default_child_priority", config.default_child_priority, -1, 2)
    dataset = load(stores, config.dataset)
    dataset.built()
    # A batch scores candidates and chooses none, so that no policy needs another one beside them.
    settings = revised(dataset.options.evaluation, {**config.changes(), "policy": "lowest_error"})
    window = chosen(config.start_day, config.end_day, dataset, settings)
    if config.operation.value == REGISTER:
        _check_registrable(dataset, settings, window)
    pairs = scopes.pairs(stores, dataset, scope)
    check_cap(len(pairs), len(settings.candidates))
    allowed = environment().batch_max_parallel
    return BatchRequest(
        dataset=dataset,
        operation=config.operation.value,
        scope=scope,
        pairs=pairs,
        settings=settings,
        window=window,
        parallel=min(config.max_parallel, allowed),
        priority=config.default_child_priority,
        params=config.model_dump(mode="json", exclude_none=True),
    )


def check_cap(pairs: int, candidates: int) -> None:
    """Raise ``BadSetting`` with both numbers when a batch would be larger than the deployment allows."""
    count, cap = pairs * candidates, environment().batch_max_items
    if count > cap:
        raise BadSetting(
            f"{pairs:,} series x {candidates} candidates are {count:,} items; at most {cap:,} are allowed",
            remedy="choose a narrower scope or fewer candidates, or raise FORECAST_BATCH_MAX_ITEMS",
        )


def _check_registrable(dataset: Dataset, settings: EvaluationSettings, window: Window) -> None:
    """Raise ``BadSetting`` unless what is scored is what would be registered."""
    own = dataset.options.evaluation
    if foreign := [label for label in settings.candidates if label not in own.candidates]:
        raise BadSetting(
            f"{', '.join(foreign)}: no candidate of {dataset.name}, so that nothing of it can be registered",
            remedy=f"register some of {', '.join(own.candidates)}",
        )
    names = EvaluationSettings.model_fields.keys() - _FREE
    other = sorted(name for name in names if getattr(settings, name) != getattr(own, name))
    if window != Window():
        other += ["start_day", "end_day"]
    if other:
        raise BadSetting(
            f"{', '.join(other)}: models of {dataset.name} are registered by its own settings and days",
            remedy="leave that out, or change the dataset's settings",
        )


def split_label(label: str) -> tuple[str, dict[str, object]]:
    """A candidate's type and all its parameters, those that its label leaves out among them."""
    return entry(label).model_type, asdict(candidate(label))

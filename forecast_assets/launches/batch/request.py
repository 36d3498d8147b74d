"""A batch before its first item: everything that can be refused is refused here.

Belongs here: checking a configuration against the dataset and the caps, and expanding it into items.
Does not belong here: storing it (``store``) and working it off (``crew``).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import polars as pl

from forecast_assets.backtests.evaluation import restricted
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings, revised
from forecast_assets.forecasting.core.bounds import check_whole
from forecast_assets.forecasting.core.candidates.catalogue import candidate, entry, members
from forecast_assets.keys import SeriesKey
from forecast_assets.launches import candidate_sets, scopes
from forecast_assets.launches.batch.config import BatchConfig
from forecast_assets.launches.scopes import Scope
from forecast_assets.launches.window import Window, chosen
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores

REGISTER = "train_backtest_register"
# What a batch that registers may choose freely, since it is not part of a version.
_FREE = {"candidates", "policy"}


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What was asked for, checked; ``parallel`` is what the deployment allows of it.

    ``labels`` are the candidates of each of ``pairs``.
    """

    dataset: Dataset
    operation: str
    scope: Scope
    pairs: list[SeriesKey]
    labels: list[tuple[str, ...]]
    settings: EvaluationSettings
    window: Window
    parallel: int
    priority: int
    params: dict[str, object]

    def items(self, batch_id: str) -> pl.DataFrame:
        """One row per pair and candidate, in the order in which they are worked off."""
        made = {label: split_label(label) for label in self.settings.candidates}
        return pl.DataFrame(
            [
                {
                    "batch_id": batch_id,
                    "series": str(key),
                    "store_id": key.store,
                    "product_id": key.product,
                    "candidate": label,
                    "model_type": made[label][0],
                    "params": json.dumps(made[label][1]),
                    "priority": self.priority,
                }
                for key, labels in zip(self.pairs, self.labels, strict=True)
                for label in labels
            ]
        )


def checked(stores: Stores, config: BatchConfig) -> BatchRequest:
    """Answer what ``config`` asks for. Raises ``ForecastError`` before anything is written."""
    scope = config.chosen()
    check_whole("max_parallel", config.max_parallel, 1, 64)
    check_whole("default_child_priority", config.default_child_priority, -1, 2)
    dataset = load(stores, config.dataset)
    dataset.built()
    pairs = scopes.pairs(stores, dataset, scope)
    labels = _of_matrix(stores, config, pairs)
    union = {} if labels is None else {"candidates": _with_members(labels)}
    # A batch scores candidates and chooses none, so that no policy needs another one beside them.
    settings = revised(dataset.options.evaluation, {**config.changes(), **union, "policy": "lowest_error"})
    window = chosen(config.start_day, config.end_day, dataset, settings)
    if config.operation.value == REGISTER:
        _check_registrable(dataset, settings, window)
    labels = _allowed(stores, dataset, settings, pairs, labels or [settings.candidates] * len(pairs))
    check_cap(len(pairs), sum(map(len, labels)))
    allowed = environment().batch_max_parallel
    return BatchRequest(
        dataset=dataset,
        operation=config.operation.value,
        scope=scope,
        pairs=pairs,
        labels=labels,
        settings=settings,
        window=window,
        parallel=min(config.max_parallel, allowed),
        priority=config.default_child_priority,
        params=config.model_dump(mode="json", exclude_none=True),
    )


def _of_matrix(
    stores: Stores, config: BatchConfig, pairs: Sequence[SeriesKey]
) -> list[tuple[str, ...]] | None:
    """The candidates of each pair by the matrix that was named, if any was."""
    if config.matrix is None:
        return None
    name = config.matrix.value
    if config.candidates is not None:
        raise BadSetting(f"candidates and the matrix {name} are both given", remedy="leave one of them out")
    if name == candidate_sets.REFRESH:
        return list(candidate_sets.refresh(stores, [str(key) for key in pairs]).values())
    return [candidate_sets.candidates_of(name)] * len(pairs)


def _with_members(labels: Sequence[tuple[str, ...]]) -> list[str]:
    """All candidates of a matrix, and what an ensemble among them averages."""
    return list(dict.fromkeys(part for own in labels for name in own for part in (*members(name), name)))


def _allowed(
    stores: Stores,
    dataset: Dataset,
    settings: EvaluationSettings,
    pairs: Sequence[SeriesKey],
    labels: Sequence[tuple[str, ...]],
) -> list[tuple[str, ...]]:
    """The candidates of each pair without those that the settings keep from it."""
    barred = restricted(stores, dataset.name, settings, [str(key) for key in pairs])
    return [
        tuple(name for name in own if name not in barred or not barred[name][0][at])
        for at, own in enumerate(labels)
    ]


def check_cap(pairs: int, count: int) -> None:
    """Raise ``BadSetting`` with both numbers when a batch would be larger than the deployment allows."""
    cap = environment().batch_max_items
    if count > cap:
        raise BadSetting(
            f"{pairs:,} series with their candidates are {count:,} items; at most {cap:,} are allowed",
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

"""A batch before its first item: everything that can be refused is refused here.

Belongs here: checking a configuration against the dataset and the caps, and expanding it into items.
Does not belong here: storing it (``records``) and working it off (``run``).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

from forecast_assets.backtests.evaluation import restricted
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings, revised
from forecast_assets.forecasting.core.bounds import check_whole
from forecast_assets.forecasting.core.candidates.catalogue import candidate, members
from forecast_assets.keys import SeriesKey
from forecast_assets.launches import candidate_sets, scopes
from forecast_assets.launches.batch.config import BatchConfig
from forecast_assets.launches.model import Launch, NewItem, Plan
from forecast_assets.launches.window import Window, chosen, restored, stored
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores

REGISTER = "train_backtest_register"
# What a batch that registers may choose freely, since it is not part of a version.
_FREE = {"candidates", "policy"}


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """What every item of a batch is computed by."""

    batch_id: str
    run_id: str
    dataset: Dataset
    operation: str
    settings: EvaluationSettings
    window: Window

    @classmethod
    def of(cls, stores: Stores, launch: Launch) -> Self:
        """Read it back from the record."""
        settings, window = restored(launch.spec["settings"])
        dataset = load(stores, str(launch.dataset))
        return cls(launch.launch_id, launch.run_id, dataset, launch.spec["operation"], settings, window)


def validate(stores: Stores, config: BatchConfig) -> Plan:
    """Return what ``config`` asks for, an item per pair and candidate in the order of the work.

    Raises ``ForecastError`` before anything is written.
    """
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
    operation = config.operation.value
    if operation == REGISTER:
        _check_registrable(dataset, settings, window)
    labels = _allowed(stores, dataset, settings, pairs, labels or [settings.candidates] * len(pairs))
    count = sum(map(len, labels))
    check_cap(len(pairs), count)
    parallel = min(config.max_parallel, environment().batch_max_parallel)
    params = config.model_dump(mode="json", exclude_none=True) | {"effective_parallel": parallel}
    parameters = {label: asdict(candidate(label)) for label in settings.candidates}
    return Plan(
        what=f"{operation} of {count:,} items",
        spec={
            "operation": operation,
            "scope": scope.to_json() | scopes.ranked_by(dataset, scope),
            "candidates": settings.candidates,
            "settings": stored(settings, window),
            "params": params,
        },
        items=[
            NewItem(str(key), label, parameters[label])
            for key, own in zip(pairs, labels, strict=True)
            for label in own
        ],
        dataset=dataset.name,
        priority=config.default_child_priority,
        parallel=parallel,
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

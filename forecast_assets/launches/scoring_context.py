"""A scoring context: what launched work reads once, and scores candidates of its series from.

Belongs here: panel, folds and global forecasts of some series, and one pass of the engine over some of them.
Does not belong here: formulas (``forecasting``), and whose turn it is.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.datasets.building import availability, read_panel
from forecast_assets.datasets.definition import Dataset
from forecast_assets.datasets.verdicts import history_verdict
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.availability import Availability, of_window
from forecast_assets.forecasting.core.backtest import Backtest, backtest
from forecast_assets.forecasting.core.candidates.catalogue import ensemble
from forecast_assets.forecasting.core.metrics import ITEM_METRICS, TOTAL_METRICS
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.global_models import fold_models
from forecast_assets.global_models.fold_models import Fitted, GlobalForecasts
from forecast_assets.launches.window import Window, within
from forecast_assets.stores import Stores


@dataclass(frozen=True, slots=True, eq=False)
class ScoringContext:
    """Everything that is read while items are scored, and changed by none of them.

    ``row`` says where a series stands in ``panel``; ``history`` judges its whole history.
    """

    panel: Panel
    row: dict[str, int]
    settings: EvaluationSettings
    cutoffs: NDArray[np.int64]
    global_forecasts: GlobalForecasts
    history: dict[str, Availability]


def load_scoring_context(
    stores: Stores, dataset: Dataset, settings: EvaluationSettings, window: Window, series: Sequence[str]
) -> ScoringContext:
    """Read what the series of a batch are scored from; series that were never sold are left out."""
    counts = availability(stores, dataset.name)
    selected = counts.filter(counts["series"].is_in(list(series)))
    folds = settings.plan()
    panel = (
        within(read_panel(stores, dataset, selected["series"].to_list()), window) if len(selected) else None
    )
    if panel is None:
        empty = Panel(np.zeros(0, "<U1"), dt.date.min, np.zeros((0, 0), np.float32), {}, {})
        return ScoringContext(empty, {}, settings, np.zeros(0, np.int64), GlobalForecasts({}, {}), {})
    return ScoringContext(
        panel=panel,
        row={str(key): n for n, key in enumerate(panel.series)},
        settings=settings,
        cutoffs=folds.cutoffs(panel.days, panel.frequency),
        global_forecasts=fold_models.read(stores, dataset, settings, panel),
        history={
            row["series"]: history_verdict(row, folds, panel.frequency)
            for row in selected.iter_rows(named=True)
        },
    )


def fit_missing(
    stores: Stores, dataset: Dataset, settings: EvaluationSettings, *, run_id: str
) -> list[Fitted]:
    """Fit the global candidates whose forecasts for these folds are missing; return what was done."""
    if fold_models.is_current(stores, dataset, settings, publishes=False):
        return []
    return fold_models.build(stores, dataset, settings, run_id=run_id, publishes=False)


def score_rows(context: ScoringContext, rows: NDArray[np.int64], candidates: Sequence[str]) -> Backtest:
    """Backtest some rows of the context; members that an ensemble needs are scored before it."""
    members = [member for label in candidates if (mean := ensemble(label)) for member in mean.of()]
    needed = tuple(dict.fromkeys([*candidates, *members]))
    return backtest(
        context.panel.take(rows),
        context.cutoffs,
        context.settings.plan(),
        needed,
        context.global_forecasts.of(rows),
        pool=context.global_forecasts.pool,
    )


def judged(context: ScoringContext, block: Backtest, row: int) -> Availability:
    """The stricter verdict on a series: of its whole history, or of the folds it can be scored on."""
    window = of_window(int(block.folds[row].sum()), context.settings.plan(), context.panel.frequency)
    return context.history[str(block.series[row])].stricter(window)


def metrics_of(block: Backtest, label: str, row: int) -> dict[str, float | int | None]:
    """The five keys of one candidate of one series; what is not defined is null."""
    candidate = block.scores.candidates.index(label)
    size = int(block.scores.sample_size[candidate, row])
    return {**_figures(block, ITEM_METRICS, candidate, row), "sample_size": size}


def further_metrics(block: Backtest, label: str, row: int) -> dict[str, float | None]:
    """Return RMSE and how far off the totals of one candidate of one series are; null where undefined."""
    return _figures(block, ("rmse", *TOTAL_METRICS), block.scores.candidates.index(label), row)


def _figures(block: Backtest, names: Sequence[str], candidate: int, row: int) -> dict[str, float | None]:
    values = {name: float(getattr(block.scores, name)[candidate, row]) for name in names}
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def kind_of(failure: str) -> str:
    """The class of a candidate's failure, where it raised one."""
    kind, separator, _ = failure.partition(": ")
    return kind if separator and kind.isidentifier() else "NoForecast"

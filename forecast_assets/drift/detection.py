"""Judge drift: has the champion of a series become worse than it used to be?

Belongs here: what the asset ``drift`` does, so that any job can do the same.
Does not belong here: Dagster, and the rules themselves (``analysis.drift``, ``analysis.replay``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.drift.reference_models import with_reference_models
from forecast_assets.forecasting.analysis import replay
from forecast_assets.forecasting.analysis.drift import (
    DEGRADING,
    IMPROVING,
    STABLE,
    UNKNOWN,
    Trend,
    Verdict,
    trend,
    verdict,
)
from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.frequency import DAY, WEEK, Frequency
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.outlook import needed
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.global_models import fold_models
from forecast_assets.keys import SeriesKey
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import DeliveriesRow
from forecast_assets.stores.rows.evaluations import ChampionsOfRow, ComparableHistoryRow
from forecast_assets.stores.warehouse import Row

_TRENDS = {DEGRADING: "has risen", IMPROVING: "has fallen", STABLE: "stays where it was"}
_NUMBERS = ("latest_wape", "previous_wape", "baseline_wape", "wape_delta", "chance", "false_alarm",
            "recent_error", "usual_error")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alarm:
    """How to judge: whole ``weeks`` replayed, and the largest ``share`` of unchanged series to be flagged."""

    weeks: int = 26
    share: float = 0.10


@dataclass(frozen=True, slots=True)
class Judged:
    """What came out for one series, always with a sentence; ``row`` are the columns of table ``drift``."""

    series: str
    sentence: str
    row: Row

    @property
    def outcome(self) -> str:
        """The verdict."""
        verdict: str = self.row["verdict"]
        return verdict


def judge(stores: Stores, keys: Sequence[str], *, run_id: str, alarm: Alarm = Alarm()) -> Iterator[Judged]:
    """Judge the series ``keys`` and answer one result each, stored by dataset, all of it or none."""
    for name, members in groupby(sorted(keys), key=lambda key: SeriesKey.parse(key).dataset):
        frame = _judged(stores, load(stores, name), list(members), run_id, alarm)
        with stores.warehouse.transaction() as connection:
            stores.warehouse.replace(connection, "drift", frame, keys=["series"])
        for row in frame.iter_rows(named=True):
            yield Judged(row["series"], row["reason"], row)


def _judged(stores: Stores, dataset: Dataset, keys: list[str], run_id: str, alarm: Alarm) -> pl.DataFrame:
    delivered = {
        row["series"]
        for row in stores.warehouse.rows(DeliveriesRow, dataset=dataset.name)
        if row["delivered"]
    }
    labels = {
        row["series"]: row["champion"]
        for row in stores.warehouse.rows(ChampionsOfRow, series=keys)
        if row["champion"] is not None and row["series"] in delivered
    }
    cheap = {key: label for key, label in labels.items() if replay.is_cheap(label)}
    weeks = _weekly(stores, dataset, cheap, alarm)
    trends = trend(_history(stores, keys))
    recent = np.array([weeks.recent.get(key, np.nan) for key in keys])
    past = np.stack([weeks.past.get(key, weeks.nothing) for key in keys])
    outcome = verdict(recent, past, alarm=alarm.share)
    usual = _medians(past)
    excess = np.array([weeks.excess.get(key, 0.0) for key in keys])
    sold = np.array([weeks.sold.get(key, 0.0) for key in keys])
    numbers = {
        "latest_wape": trends.latest,
        "previous_wape": trends.previous,
        "baseline_wape": trends.baseline,
        "wape_delta": trends.delta,
        "chance": outcome.chance,
        "false_alarm": outcome.false_alarm,
        "recent_error": recent,
        "usual_error": usual,
    }
    return pl.DataFrame(
        {
            "series": keys,
            "champion": pl.Series([labels.get(key) for key in keys], dtype=pl.String),
            "drift_direction": trends.direction.tolist(),
            "verdict": outcome.status.tolist(),
            "evaluations": trends.evaluations,
            "windows": outcome.windows,
            **numbers,
            "units_at_risk": _at_risk(trends, outcome, excess, sold),
            "reason": [
                _sentence(
                    outcome, trends, at, labels.get(key), (recent[at], usual[at]), dataset.options.period
                )
                if key in delivered
                else "the newest snapshot no longer delivers it"
                for at, key in enumerate(keys)
            ],
        }
    ).with_columns(
        pl.col(_NUMBERS).fill_nan(None),
        dataset=pl.lit(dataset.name),
        snapshot=pl.lit(dataset.built().hash),
        run_id=pl.lit(run_id),
        newest_day=pl.lit(dataset.built().last_day),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Weeks:
    """Errors of the champions week by week, by series.

    ``recent`` and ``past`` in percent, ``excess``: units by which the newest week missed more than usual,
    ``sold``: units sold in it. ``nothing`` stands for a series without a champion.
    """

    recent: Mapping[str, float]
    past: Mapping[str, Values]
    excess: Mapping[str, float]
    sold: Mapping[str, float]
    nothing: Values


def _weekly(stores: Stores, dataset: Dataset, labels: Mapping[str, str], alarm: Alarm) -> _Weeks:
    past: dict[str, Values] = {}
    recent: dict[str, float] = {}
    excess: dict[str, float] = {}
    sold: dict[str, float] = {}
    nothing = np.full(alarm.weeks - 1, np.nan)
    if labels:
        whole = len(labels) == dataset.built().series_count
        panel = read_panel(stores, dataset, None if whole else sorted(labels), newest=True)
        plan = dataset.options.evaluation.plan()
        cutoffs = replay.origins(panel.days, alarm.weeks, plan.gap, panel.frequency.stretch)
        models = _models(stores, dataset, set(labels.values()), panel, cutoffs)
        for label, rows in replay.blocks_by_label([labels.get(key) for key in panel.series.tolist()]):
            block = panel.take(rows)
            relative, wrong, truth = _replayed(block, label, models, cutoffs, plan)
            usual = _medians(wrong[:, :-1])
            for at, key in enumerate(block.series.tolist()):
                missing = len(nothing) - max(relative.shape[1] - 1, 0)
                past[key] = np.concatenate([nothing[:missing], relative[at, :-1]])
                recent[key] = float(relative[at, -1]) if relative.shape[1] else np.nan
                excess[key] = float(np.nan_to_num(wrong[at, -1] - usual[at])) if relative.shape[1] else 0.0
                sold[key] = float(truth[at])
    return _Weeks(recent, past, excess, sold, nothing)


def _models(
    stores: Stores, dataset: Dataset, labels: set[str], panel: Panel, cutoffs: NDArray[np.int64]
) -> dict[str, list[GlobalModel]]:
    """The models of the global candidates among ``labels``, each seen to have known nothing of some week."""
    fitted = fold_models.models(stores, dataset, dataset.options.evaluation)
    mine = {label: fitted[label] for label in needed(sorted(labels)) if label in fitted}
    if not cutoffs.size:
        return mine
    return with_reference_models(stores, dataset, mine, panel, int(cutoffs[0]))


def _replayed(
    block: Panel,
    label: str,
    models: Mapping[str, list[GlobalModel]],
    cutoffs: NDArray[np.int64],
    plan: FoldPlan,
) -> tuple[Values, Values, Values]:
    """Relative and absolute errors (n, weeks) and the units sold in the newest week (n,)."""
    actual = replay.actual_weeks(block, cutoffs, gap=plan.gap)
    if not cutoffs.size:
        none = np.full((len(block.series), 0), np.nan)
        return none, none, np.zeros(len(block.series))
    forecasts = replay.replay(
        block,
        label,
        models,
        cutoffs,
        gap=plan.gap,
        window=plan.window(),
        threads=environment().processes,
    )
    return *replay.weekly_errors(actual, forecasts), np.nansum(actual[:, -1], axis=1, dtype=np.float64)


def _history(stores: Stores, keys: list[str]) -> Values:
    """WAPE of comparable evaluations (n, k), oldest first, NaN where there was none."""
    errors_by_series: dict[str, list[float]] = {}
    for row in stores.warehouse.rows(ComparableHistoryRow, series=keys):
        errors_by_series.setdefault(row["series"], []).append(np.nan if row["wape"] is None else row["wape"])
    most = max(map(len, errors_by_series.values()), default=0)
    history = np.full((len(keys), most), np.nan)
    for at, key in enumerate(keys):
        errors = errors_by_series.get(key, [])
        history[at, : len(errors)] = errors
    return history


def _medians(values: Values) -> Values:
    """Median of every row without NaN; NaN for a row without a number."""
    has_errors = ~np.isnan(values).all(axis=1) if values.shape[1] else np.zeros(len(values), bool)
    medians = np.full(len(values), np.nan)
    medians[has_errors] = np.nanmedian(values[has_errors], axis=1)
    return medians


def _at_risk(trends: Trend, outcome: Verdict, excess: Values, sold: Values) -> Values:
    """Units a week that a worse champion misses more than it used to; 0 for those that are not worse."""
    by_week = np.where(outcome.status == DEGRADING, np.maximum(excess, 0), 0)
    rise = np.where(trends.direction == DEGRADING, trends.latest - trends.baseline, 0)
    risk: Values = np.maximum(by_week, np.nan_to_num(rise) / 100 * sold)
    return np.round(risk, 4)


def _sentence(  # noqa: PLR0917 - one value each
    outcome: Verdict,
    trends: Trend,
    at: int,
    label: str | None,
    errors: tuple[float, float],
    period: Frequency,
) -> str:
    if label is None:
        return "it has no champion that could become worse"
    week = _weekly_sentence(label, outcome, at, errors, period)
    if trends.direction[at] == UNKNOWN:
        return f"{week}; fewer than two comparable evaluations"
    # Words of its own, so that two questions are not read as one whose answers contradict each other.
    course = f"WAPE of evaluations {_TRENDS[trends.direction[at]]}"
    return f"{week}; {course}: {trends.latest[at]:,.1f} after {trends.baseline[at]:,.1f} %"


def _weekly_sentence(
    label: str, outcome: Verdict, at: int, errors: tuple[float, float], period: Frequency
) -> str:
    window = (WEEK if period == DAY else period).name
    recent, usual = errors
    if outcome.status[at] == UNKNOWN:
        return f"{outcome.windows[at]:,} past {window}s of {label} are too few to judge the newest one"
    chance = f"an unchanged model looks this bad in {100 * outcome.chance[at]:,.0f} % of {window}s"
    judgement = "is bad" if outcome.status[at] == DEGRADING else "is within what is usual"
    return f"the newest {window} {judgement}: error {recent:,.1f} %, {usual:,.1f} % usually; {chance}"

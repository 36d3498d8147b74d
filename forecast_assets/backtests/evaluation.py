"""Evaluate series: decide what is stale, backtest it, choose champions, store all of it.

Belongs here: what the assets ``backtest`` and ``champion`` and the jobs around them do.
Does not belong here: Dagster, and any formula (``forecasting``).
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.backtests import incremental, results
from forecast_assets.backtests.metric_rows import Context
from forecast_assets.backtests.prefetch import Prefetcher
from forecast_assets.datasets.building import read_panel, without_demand
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.datasets.membership import no_such_series
from forecast_assets.datasets.verdicts import history_verdict
from forecast_assets.evaluation_settings import EvaluationSettings, revised
from forecast_assets.forecasting.core.availability import Availability, of_scored_days, of_window
from forecast_assets.forecasting.core.backtest import Backtest, backtests
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.restriction import costs
from forecast_assets.forecasting.version import code_version
from forecast_assets.global_models import fold_models
from forecast_assets.keys import SeriesKey
from forecast_assets.progress import advance
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import AvailabilityRow, DeliveriesRow
from forecast_assets.stores.rows.evaluations import EvaluationMarksRow


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What an evaluation of one dataset's series has to do.

    ``fingerprints`` (n,) decide: ``stale`` (n,) marks series whose result would be different or is
    missing; ``unchosen`` those with a current backtest but no champion chosen from it. ``gone`` are
    series that the newest snapshot no longer delivers and whose end is not on record yet.
    """

    dataset: Dataset
    settings: EvaluationSettings
    anchor: dt.date
    panel: Panel
    fingerprints: list[str]
    stale: np.ndarray
    unchosen: np.ndarray
    global_forecasts: fold_models.GlobalForecasts
    left_out: Mapping[str, tuple[NDArray[np.bool_], str]]
    gone: list[str]
    ended: list[str]

    @property
    def due(self) -> list[str]:
        """The series that need work, sorted."""
        return sorted([*self.panel.series[self.stale | self.unchosen].tolist(), *self.gone])

    def of_due(self) -> "Plan":
        """The same for the series that need work, and no others."""
        rows = np.flatnonzero(self.stale | self.unchosen)
        return replace(
            self,
            panel=self.panel.take(rows),
            fingerprints=[self.fingerprints[row] for row in rows],
            stale=self.stale[rows],
            unchosen=self.unchosen[rows],
            global_forecasts=replace(self.global_forecasts, forecasts=self.global_forecasts.of(rows)),
            left_out={label: (out[rows], why) for label, (out, why) in self.left_out.items()},
            ended=[],
        )

    def costs(self) -> list[str]:
        """What slow candidates will cost, before it is spent."""
        rows = np.flatnonzero(self.stale)
        running = {
            label: len(rows) - int(self.left_out[label][0][rows].sum())
            if label in self.left_out
            else len(rows)
            for label in self.settings.candidates
        }
        folds = len(self.settings.plan().cutoffs(self.panel.days, self.panel.frequency)) if len(rows) else 0
        return costs(self.settings.candidates, running, folds)


def evaluate(
    stores: Stores,
    keys: Sequence[str],
    *,
    run_id: str,
    changes: Mapping[str, object],
    choose: bool = True,
    force: bool = False,
) -> Iterator[results.Outcome]:
    """Evaluate the series ``keys`` and answer one outcome each, as soon as it is stored.

    ``changes`` override the dataset's evaluation settings; with ``choose`` champions are chosen, too;
    with ``force`` nothing is reused. Raises ``UnknownName`` or ``BadSetting`` before anything is done,
    ``Outage`` when a store does not answer.
    """
    by_dataset = groupby(sorted(keys), key=lambda key: SeriesKey.parse(key).dataset)
    todo = [(name, list(members)) for name, members in by_dataset]
    plans = (
        plan(stores, name, members, changes=changes, choose=choose, force=force) for name, members in todo
    )
    yield from carry_out(stores, plans, len(keys), run_id=run_id, choose=choose)


def carry_out(
    stores: Stores, plans: Iterable[Plan], total: int, *, run_id: str, choose: bool = True
) -> Iterator[results.Outcome]:
    """Do what was planned for ``total`` series; return one outcome each, as soon as it is stored."""
    done = 0
    for work in plans:
        for outcomes in Prefetcher(_carried_out(stores, work, run_id=run_id, choose=choose)):
            done += len(outcomes)
            advance(done, total)
            yield from outcomes


def plan(
    stores: Stores,
    name: str,
    members: list[str] | None,
    *,
    changes: Mapping[str, object],
    choose: bool = True,
    force: bool = False,
) -> Plan:
    """Find out which of the series (all of the dataset's for ``None``) need work."""
    dataset = load(stores, name)
    settings = revised(dataset.options.evaluation, changes)
    gone, ended, delivered = _deliveries(stores, name, members)
    whole = not delivered or len(delivered) == dataset.built().series_count
    panel = read_panel(stores, dataset, None if whole else delivered)
    if not delivered:
        panel = panel.take(np.zeros(0, np.int64))
    anchor = dataset.options.anchor_day(dataset.built().last_day)
    forecasts = fold_models.read(stores, dataset, settings, panel)
    left_out = restricted(stores, name, settings, panel.series.tolist())
    steps = dataset.plan_steps(settings.gap + settings.horizon)
    fingerprints = _fingerprints(
        panel,
        settings,
        f"{anchor.isoformat()}{steps or ''}",
        forecasts,
        left_out=left_out,
        without=without_demand(stores, name).keys(),
    )
    stored = stores.warehouse.frame(EvaluationMarksRow, dataset=name)
    marks = dict(zip(stored["series"], zip(stored["backtest"], stored["champion"], strict=True), strict=True))
    pairs = [
        (*marks.get(str(key), (None, None)), own) for key, own in zip(panel.series, fingerprints, strict=True)
    ]
    stale = np.array([force or backtest != own for backtest, _, own in pairs], dtype=bool)
    unchosen = np.array([choose and champion != own for _, champion, own in pairs], dtype=bool)
    chosen_later = unchosen & ~stale
    return Plan(
        dataset, settings, anchor, panel, fingerprints, stale, chosen_later, forecasts, left_out, gone, ended
    )


def restricted(
    stores: Stores, name: str, settings: EvaluationSettings, keys: Sequence[str]
) -> dict[str, tuple[NDArray[np.bool_], str]]:
    """For which series (of ``keys``) a restricted candidate does not run, and why.

    Judged among all series of the dataset; keys that it does not have are left out.
    """
    if not settings.restrict:
        return {}
    availability = stores.warehouse.frame(AvailabilityRow, dataset=name)
    place = {key: at for at, key in enumerate(availability["series"])}
    rows = np.array([place.get(key, -1) for key in keys], np.int64)
    priced = availability["revenue"].is_not_null().any()
    units = (availability["average_daily_demand"] * availability["observed_days"]).fill_null(0)
    value = availability["revenue"] if priced else units
    by_series = {}
    for rule in settings.restrictions():
        allowed = rule.allows(value.to_numpy(), availability["demand_class"].to_list(), list(place))
        sentence = rule.sentence()
        whom = sentence if priced else sentence.replace("by revenue", "by units (no price is known)")
        by_series[rule.label] = (~np.append(allowed, False)[rows], f"left out: it runs only for {whom}")
    return by_series


def _deliveries(
    stores: Stores, name: str, members: list[str] | None
) -> tuple[list[str], list[str], list[str]]:
    """Sort series into those that ended unrecorded, those on record as ended, and delivered ones.

    Raises ``UnknownName`` for keys that the dataset never had.
    """
    deliveries = stores.warehouse.frame(DeliveriesRow, dataset=name)
    if members is not None:
        if strangers := sorted(set(members) - set(deliveries["series"])):
            raise no_such_series(name, strangers)
        deliveries = deliveries.filter(pl.col("series").is_in(members))
    delivered, ended = (pl.col(column).fill_null(value=False) for column in ("delivered", "ended"))
    parts = (~delivered & ~ended, ~delivered & ended, delivered)
    gone, recorded, there = (deliveries.filter(part)["series"].to_list() for part in parts)
    return gone, recorded, there


def _fingerprints(
    panel: Panel,
    settings: EvaluationSettings,
    anchor: str,
    global_forecasts: fold_models.GlobalForecasts,
    *,
    left_out: Mapping[str, tuple[NDArray[np.bool_], str]],
    without: AbstractSet[str],
) -> list[str]:
    common = f"{settings.hash()}|{anchor}|{code_version()}|{global_forecasts.identity()}"
    outs = [
        "".join(str(int(out[row])) for out, _ in left_out.values())
        + ("without demand" if key in without else "")
        for row, key in enumerate(panel.series.tolist())
    ]
    return [
        blake2b(f"{common}|{content}{out and f'|{out}'}".encode(), digest_size=16).hexdigest()
        for content, out in zip(panel.content_hashes(with_future=False), outs, strict=True)
    ]


def _carried_out(stores: Stores, work: Plan, *, run_id: str, choose: bool) -> Iterator[list[results.Outcome]]:
    fresh = work.panel.series[~work.stale & ~work.unchosen].tolist() + work.ended
    if fresh:
        yield incremental.reused(stores, fresh)
    if work.gone:
        yield incremental.end(stores, work.gone, _context(work, run_id), choose=choose)
    if work.unchosen.any():
        pool = work.global_forecasts.pool
        yield incremental.rechosen(
            stores, work.panel.series[work.unchosen].tolist(), _context(work, run_id), pool
        )
    rows = np.flatnonzero(work.stale)
    if not rows.size:
        return
    folds = work.settings.plan()
    cutoffs = folds.cutoffs(work.panel.days, work.panel.frequency)
    counts = stores.warehouse.rows(AvailabilityRow, dataset=work.dataset.name)
    history = {row["series"]: (history_verdict(row, folds, work.panel.frequency), row) for row in counts}
    scored = backtests(
        work.panel.take(rows),
        cutoffs,
        folds,
        work.settings.candidates,
        work.global_forecasts.of(rows),
        processes=environment().processes,
        left_out={label: (out[rows], why) for label, (out, why) in work.left_out.items()},
        pool=work.global_forecasts.pool,
    )
    doubts = of_scored_days(work.panel, folds, cutoffs, rows)
    start = 0
    for block in scored:
        place = rows[start : start + len(block.series)]
        start += len(block.series)
        judged = [
            _judged(history[str(key)][0], block, row, work).stricter(doubts[str(key)])
            for row, key in enumerate(block.series)
        ]
        yield results.store(
            stores,
            block,
            _context(work, run_id, cutoffs),
            availability=judged,
            counts=[history[str(key)][1] for key in block.series],
            fingerprints=[work.fingerprints[row] for row in place],
            choose=choose,
            pool=work.global_forecasts.pool,
        )


def _context(work: Plan, run_id: str, cutoffs: NDArray[np.int64] | None = None) -> Context:
    at = np.zeros(0, np.int64) if cutoffs is None else cutoffs
    return Context(
        dataset=work.dataset.name,
        snapshot=work.dataset.built().hash,
        settings=work.settings,
        anchor=work.anchor,
        cutoffs=at,
        first_days=work.panel.dates(0, work.panel.days + 1)[at + work.settings.gap],
        run_id=run_id,
        plan_steps=work.dataset.plan_steps(work.settings.gap + work.settings.horizon),
        period=work.panel.frequency.name,
        missing=work.global_forecasts.missing(),
    )


def _judged(history: Availability, block: Backtest, row: int, work: Plan) -> Availability:
    folds, plan = int(block.folds[row].sum()), work.settings.plan()
    return history.stricter(of_window(folds, plan, work.panel.frequency))

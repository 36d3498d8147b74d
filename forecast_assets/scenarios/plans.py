"""What-if plans: a series' forecast under assumptions, kept under a name and compared.

Belongs here: asking the champion again or applying factors, saving, finding, comparing.
Does not belong here: what an assumption does (``analysis.whatif``), and how a plan is shown.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.membership import check_series
from forecast_assets.datasets.series_names import key_of
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.forecasting.analysis.effect import Effect, effect
from forecast_assets.forecasting.analysis.whatif import Assumptions, Method, differing
from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.forecasting.core.outlook import Models, outlook, reads_plan, with_plan
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasts.service import ForecastRequest, make_forecasts
from forecast_assets.forecasts.store import StoredForecast, read_forecast
from forecast_assets.global_models import production
from forecast_assets.global_models.look_alikes import LOOK_ALIKE
from forecast_assets.keys import SeriesKey
from forecast_assets.scenarios.distributions import LIMITS, Outcome, Spread, outcome_of
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow, PlansRow

By = Literal["revenue_delta", "units_delta"]
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_MOST_TAGS, _LONGEST_TAG = 20, 100
_LEAST_COMPARED, _MOST_COMPARED = 2, 5
COMPARED = ("rank", "name", "series", "units_delta", "revenue_delta", "coverage", "method", "candidate")


@dataclass(frozen=True, slots=True, eq=False)
class WhatIfResult:
    """What a series sells as planned, ``baseline`` (h,), and under ``assumptions``."""

    forecast: StoredForecast
    snapshot: str
    assumptions: Assumptions
    method: Method
    sentences: Sequence[str]
    baseline: Values
    effect: Effect
    outcome: Outcome
    period: Frequency

    @property
    def sentence(self) -> str:
        revenue = self.effect.revenue_delta
        worth = "revenue unknown, there is no price" if revenue is None else f"revenue {revenue:+,.2f}"
        return (
            f"{self.effect.units.sum():,.1f} units instead of {self.baseline.sum():,.1f} in "
            f"{self.period.count(len(self.baseline))} ({self.effect.units_delta:+,.1f}, {worth}) "
            f"by {self.method}; stock: {self.effect.coverage}; {self.outcome.sentence}"
        )

    def days(self) -> dict[str, Values]:
        """Units (h,) of every day by name: as planned, under the assumptions, and the limits of those."""
        return {"as_planned": self.baseline, "what_if": self.effect.units, **self.outcome.limits}


def what_if(stores: Stores, series: str, assumptions: Assumptions, *, run_id: str) -> WhatIfResult:
    """Forecast a series under assumptions.

    The baseline is its current forecast, made anew where its inputs changed. A champion that reads plans is
    asked again; otherwise, and for what its data have no column of, rules of thumb apply, and it is said.
    Raises ``UnknownName`` for a series without a forecast, ``BadSetting`` for assumptions out of bounds.
    """
    series = key_of(stores, series)
    name = SeriesKey.parse(series).dataset
    dataset = load(stores, name)
    check_series(stores, name, [series])
    row = stores.warehouse.row(CurrentForecastsRow, dataset=name, series=[series])
    (outcome,) = make_forecasts(stores, [series], run_id=run_id, request=_same(row, dataset.options.period))
    if outcome.row is None:
        raise UnknownName(f"{series} has no forecast: {outcome.sentence}", remedy="evaluate the series first")
    stored = read_forecast(stores, series)
    if stored is None:
        raise UnknownName(f"{series} has no forecast", remedy="launch forecast_series on it")
    panel = read_panel(stores, dataset, [series], newest=True)
    gap = panel.position(stored.first_day) - panel.days
    ahead = gap + len(stored.units)
    panel, _ = with_plan(panel, ahead)
    asks_model = stored.candidate != LOOK_ALIKE and reads_plan(stored.candidate)
    difference = differing(panel, ahead, assumptions, asks_model=asks_model).after(gap)
    baseline = stored.units.astype(np.float64)
    models = production.read(stores, dataset)
    spread = Spread.of(stores, panel, models, stored)
    curve = np.asarray(stored.curve, np.float64)
    around = {name: np.asarray(stored.arrays[name], np.float64) for name in ("units", *LIMITS)}
    if difference.panel is not None:
        window = dataset.options.evaluation.plan().window()
        from_model = _request_of(difference.panel, stored.candidate, models.models, ahead, window)[gap:]
        if np.array_equal(from_model, curve):
            difference = replace(
                difference,
                sentences=[*difference.sentences, "the model sees no effect: it never saw this vary"],
            )
        else:
            curve, around = from_model, spread.around(from_model, panel, gap)
    change = effect(baseline, around["units"], _prices(panel, ahead)[gap:], difference, assumptions.on_hand)
    limits = {name: around[name] * difference.factors for name in LIMITS}
    factor = float(change.units.sum() / max(around["units"].sum(), 1e-9))
    return WhatIfResult(
        stored,
        dataset.built().hash,
        assumptions,
        difference.method,
        difference.sentences,
        baseline,
        change,
        outcome_of(spread, curve, limits, factor, assumptions.on_hand),
        panel.frequency,
    )


def _same(row: CurrentForecastsRow | None, period: Frequency) -> ForecastRequest:
    """How the current forecast was asked for, so that it is kept unless its inputs changed."""
    if row is None:
        return ForecastRequest()
    gap = period.position(row["last_known_day"], row["first_day"]) - 1
    return ForecastRequest(row["horizon"], row["lead_time_days"], row["service_level"], gap)


def _request_of(panel: Panel, label: str, models: Models, horizon: int, window: int | None) -> Values:
    prediction = outlook(panel, [label], models, horizon, window=window, threads=environment().processes)
    if prediction.failures:
        raise BadSetting(
            f"{label} gives no forecast under these assumptions: {prediction.failures[0]}",
            remedy="assume less",
        )
    return np.asarray(prediction.units[0], np.float64)


def _prices(panel: Panel, horizon: int) -> Values:
    if "price" not in panel.known:
        return np.full(horizon, np.nan)
    return np.asarray(panel.known["price"][0, panel.days : panel.days + horizon], np.float64)


def check_plan(name: str, tags: Sequence[str]) -> None:
    """Raise ``BadSetting`` for a name or tags that a plan cannot have."""
    if not _NAME.fullmatch(name):
        raise BadSetting(
            f"plan name {name!r}", remedy="use up to 100 of a-z, 0-9, - and _, a letter or digit first"
        )
    if len(tags) > _MOST_TAGS or any(not 0 < len(tag) <= _LONGEST_TAG for tag in tags):
        raise BadSetting(
            f"{len(tags):,} tags", remedy=f"give at most {_MOST_TAGS} of up to {_LONGEST_TAG} characters"
        )


def save(stores: Stores, result: WhatIfResult, name: str, tags: Sequence[str], *, run_id: str) -> None:
    """Keep a result as a plan. Raises ``BadSetting`` where another run took the name."""
    check_plan(name, tags)
    effect = result.effect
    row = stores.warehouse.execute(
        "save_plan",
        name=name,
        series=result.forecast.series,
        tags=sorted(set(tags)),
        assumptions=json.dumps(result.assumptions.to_json()),
        sentences=json.dumps(list(result.sentences)),
        method=result.method,
        candidate=result.forecast.candidate,
        snapshot=result.snapshot,
        first_day=result.forecast.first_day,
        baseline=result.baseline.tolist(),
        scenario=effect.units.tolist(),
        baseline_units=float(result.baseline.sum()),
        scenario_units=float(effect.units.sum()),
        units_delta=effect.units_delta,
        baseline_revenue=effect.baseline_revenue,
        scenario_revenue=effect.scenario_revenue,
        revenue_delta=effect.revenue_delta,
        coverage=effect.coverage,
        run_id=run_id,
        limits=json.dumps(
            {
                name: [float(one) if np.isfinite(one) else None for one in values]
                for name, values in result.outcome.limits.items()
            }
        ),
    )
    if not row and read(stores, name)["run_id"] != run_id:
        raise BadSetting(f"there is a plan {name} already", remedy="choose another name, or delete it first")


def read(stores: Stores, name: str) -> PlansRow:
    """One plan by its name. Raises ``UnknownName``."""
    row = stores.warehouse.row(PlansRow, names=[name], dataset=None, tags=[])
    if row is None:
        raise UnknownName(f"no plan {name}", remedy="list them with forecast-assets plan list")
    return row


def assumed(stores: Stores, values: Mapping[str, object], like: str | None) -> Assumptions:
    """What a person assumes on top of the plan ``like``. Raises ``BadSetting``, ``UnknownName``."""
    stated = Assumptions.from_json({name: value for name, value in values.items() if value not in (None, [])})
    if like is None:
        return stated
    changes = {name: getattr(stated, name) for name in stated.to_json()}
    return replace(assumptions_of(stores, like), **changes)


def assumptions_of(stores: Stores, name: str) -> Assumptions:
    """What a plan assumes, to start another one from. Raises ``UnknownName``."""
    return Assumptions.from_json(read(stores, name)["assumptions"])


def delete(stores: Stores, name: str) -> None:
    """Forget a plan. Raises ``UnknownName``."""
    if not stores.warehouse.execute("delete_plan", name=name):
        read(stores, name)


class RankedPlan(PlansRow):
    """A plan and its place among those that it was compared with."""

    rank: int


def compare(stores: Stores, names: Sequence[str], by: By) -> list[RankedPlan]:
    """Rank 2 to 5 plans, the greatest gain first; unknown revenue last, by units. Raises ``BadSetting``."""
    chosen = list(dict.fromkeys(names))
    if not _LEAST_COMPARED <= len(chosen) <= _MOST_COMPARED:
        raise BadSetting(
            f"{len(chosen):,} plans to compare",
            remedy=f"name {_LEAST_COMPARED} to {_MOST_COMPARED} different plans",
        )
    rows = [read(stores, name) for name in chosen]
    ranked = sorted(
        rows, key=lambda row: (row[by] is None, -(row[by] or 0), -row["units_delta"], row["name"])
    )
    return [{**row, "rank": place} for place, row in enumerate(ranked, 1)]

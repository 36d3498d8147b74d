"""What an evaluation says at its end: what came out, what to look at, what comes next.

Belongs here: collecting it from the stores and writing it for a person.
Does not belong here: the work (``evaluation``).
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from forecast_assets.backtests.evaluation import Plan
from forecast_assets.datasets.verdicts import LEFT_OUT
from forecast_assets.errors import SHOWN_OFFENDERS
from forecast_assets.forecasting.core.zero_runs import stockouts
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import AvailabilityRow
from forecast_assets.stores.rows.evaluations import BrokenSeriesRow, ChampionsRow, OutcomesRow
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow

_WORST = 5
# Looking for stock-outs costs about a second per so many series; the asset ``data_quality`` looks at all.
_FEW = 5000
_UNPLANNED = "no plan"


@dataclass(frozen=True, slots=True)
class Closing:
    """The state of a dataset's series after an evaluation.

    ``at_risk`` are units that the champion would have been wrong by within one horizon; ``stockouts`` is
    ``None`` where nobody looked, ``left_out`` have days without a score because they look like that;
    ``doubts`` are of columns that may be made of the sales.
    """

    dataset: str
    scored: int
    champions: int
    limited: int
    unusable: int
    broken: int
    reasons: list[tuple[str, str]]
    at_risk: list[tuple[str, float, float | None]]
    stockouts: int | None
    left_out: int
    unplanned: dict[str, int]
    doubts: list[str]
    forecasts: int
    units: float
    first_day: dt.date | None
    last_day: dt.date | None


def summarize(stores: Stores, work: Plan) -> Closing:
    """Collect what is known of the series that an evaluation was about."""
    name = work.dataset.name
    series = [*work.panel.series.tolist(), *work.gone, *work.ended]
    outcomes = {row["outcome"]: row for row in stores.warehouse.rows(OutcomesRow, series=series)}
    count = {key: row["series"] for key, row in outcomes.items()}
    states = stores.warehouse.frame(AvailabilityRow, dataset=name)
    chosen = stores.warehouse.rows(ChampionsRow, dataset=name, series=series)
    forecasts = stores.warehouse.rows(CurrentForecastsRow, dataset=name, series=series)
    broken = stores.warehouse.rows(BrokenSeriesRow, series=series, at_most=SHOWN_OFFENDERS)
    spans = _spans(work, forecasts)
    return Closing(
        dataset=name,
        scored=count.get("scored", 0),
        champions=sum(row["champions"] for row in outcomes.values()),
        limited=sum(state == "limited" for state in states["state"].to_list()),
        unusable=count.get("unusable", 0),
        broken=count.get("broken", 0),
        reasons=[(row["series"], row["reason"]) for row in broken],
        at_risk=_at_risk(chosen, work.settings.horizon),
        stockouts=_stockouts(work),
        left_out=sum(reason.endswith(LEFT_OUT) for reason in states["reason"].to_list()),
        unplanned=_unplanned(forecasts),
        doubts=[
            f"{one['sentence']}: {one['remedy']}" for one in work.dataset.built().summary.get("columns", [])
        ],
        forecasts=len(forecasts),
        units=sum(row["total"] for row in forecasts),
        first_day=min((first for first, _ in spans), default=None),
        last_day=max((last for _, last in spans), default=None),
    )


def _spans(work: Plan, forecasts: list[CurrentForecastsRow]) -> list[tuple[dt.date, dt.date]]:
    """First and last day of each forecast."""
    period = work.dataset.options.period
    return [
        (row["first_day"], period.date(row["first_day"], row["horizon"]) - dt.timedelta(1))
        for row in forecasts
    ]


def _at_risk(chosen: list[ChampionsRow], horizon: int) -> list[tuple[str, float, float | None]]:
    wrong = [(row["series"], row["mae"] * horizon, row["wape"]) for row in chosen if row["mae"] is not None]
    return sorted(wrong, key=lambda one: -one[1])[:_WORST]


def _stockouts(work: Plan) -> int | None:
    """Series that look as if they had been out of stock on scored days, if they are few enough to look."""
    panel = work.panel
    if len(panel.series) > _FEW:
        return None
    scored_from = panel.days - work.settings.horizon * work.settings.n_splits
    return len({row for row, _, _ in stockouts(panel, scored_from)})


def _unplanned(forecasts: list[CurrentForecastsRow]) -> dict[str, int]:
    """How many series are forecast without a plan of each column that is known ahead."""
    counts: Counter[str] = Counter()
    for row in forecasts:
        for text in row["assumptions"]:
            column, marker, _ = text.partition(f": {_UNPLANNED}")
            if marker:
                counts[column] += 1
    return dict(counts)


def lines(closing: Closing, today: dt.date | None = None) -> Iterator[str]:
    """Write it line by line."""
    yield (
        f"{closing.scored:,} scored ({closing.champions:,} with a champion), {closing.unusable:,} unusable, "
        f"{closing.broken:,} broken; {closing.limited:,} have little history"
    )
    for series, reason in closing.reasons:
        yield f"  broken: {series}: {reason}"
    if closing.at_risk:
        yield f"Most units at risk within one horizon, of {closing.champions:,} champions:"
        width = max(len(series) for series, _, _ in closing.at_risk)
        for series, units, wape in closing.at_risk:
            yield f"  {series:<{width}}  {units:>9,.0f} units" + (
                "" if wape is None else f", WAPE {wape:,.1f} %"
            )
    if closing.stockouts:
        yield f"Suspected stock-outs on scored days: {closing.stockouts:,} series; see asset data_quality"
    if closing.left_out:
        yield (
            f"Days that look stocked out are neither scored nor learned from: {closing.left_out:,} series; "
            f"see forecast-assets export availability {closing.dataset}"
        )
    if closing.unplanned:
        unplanned = ", ".join(f"{column} ({count:,} series)" for column, count in closing.unplanned.items())
        yield f"Plans that end before the forecast: {unplanned}; what is assumed stands with each forecast"
    yield from closing.doubts
    if closing.first_day is not None and closing.last_day is not None:
        late = (today or dt.datetime.now(dt.UTC).date()) - closing.last_day
        past = f"; they lie in the past: the last one was {late.days:,} days ago" if late.days > 0 else ""
        yield (
            f"{closing.forecasts:,} series forecast, {closing.units:,.0f} units in all, "
            f"{closing.first_day} to {closing.last_day}{past}"
        )
    yield f"Next: forecast-assets export forecasts {closing.dataset}"

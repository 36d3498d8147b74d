"""Training series again: by hand after a typed confirmation, or requested for somebody to decide.

Belongs here: choosing the series of a retraining, its job, and recording requests.
Does not belong here: evaluating and forecasting, which are the same as ever.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from forecast_assets.backtests.assets import BACKTEST, CHAMPION, evaluate_and_report
from forecast_assets.errors import BadSetting
from forecast_assets.forecasts.assets import forecast_and_report
from forecast_assets.forecasts.service import ForecastRequest
from forecast_assets.launches import records
from forecast_assets.launches.kind import Execution, LaunchKind, Summary
from forecast_assets.launches.model import ItemResult, Launch, Try
from forecast_assets.launches.retraining_request import RetrainConfig, validate
from forecast_assets.rendering.tables import table
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.operations import DegradingByBothRow, RequestsSinceRow, RetrainedRow

_MOST_LISTED = 1000
_COLUMNS = ("series", "outcome", "champion", "wape", "wape_before", "reason")


def _execute(work: Execution) -> None:
    """Evaluate the chosen series anew, reusing nothing, and forecast with their champions.

    Uses the settings of the dataset, up to its newest day. A broken series costs only itself.
    """
    stores, context = work.stores, work.context
    if context is None:
        raise BadSetting("a retraining needs a Dagster run", remedy="launch the job retrain")
    items = records.claim(stores, work.launch, work.launch.total)
    keys = [item.series for item in items]
    broken: dict[str, str] = {}
    try:
        evaluate_and_report(context, stores, keys, changes={}, force=True, selected={BACKTEST, CHAMPION})
    except dg.Failure as failure:
        broken |= _named(work, failure)
    try:
        forecast_and_report(context, stores, keys, request=ForecastRequest(), force=True)
    except dg.Failure as failure:
        broken |= _named(work, failure)
    rows = {row["series"]: row for row in stores.warehouse.rows(RetrainedRow, series=keys)}
    # A failure names only the first broken series; what was stored names all of them.
    broken |= {key: row["reason"] for key, row in rows.items() if row["outcome"] == "broken"}
    records.record(
        stores,
        work.launch,
        [
            ItemResult(item.item_id, None, broken[item.series], "Broken", outputs=_outcome(rows, item.series))
            if item.series in broken
            else ItemResult(item.item_id, None, outputs=_outcome(rows, item.series))
            for item in items
        ],
    )


def _named(work: Execution, failure: dg.Failure) -> dict[str, str]:
    """The broken series that a failure names. Raises it again where it is about something else."""
    work.check()
    broken = failure.metadata.get("broken")
    if broken is None or not isinstance(broken.value, dict):
        raise failure
    return {str(series): str(why) for series, why in broken.value.items()}


def _outcome(rows: Mapping[str, RetrainedRow], series: str) -> dict[str, object]:
    row: Mapping[str, object] = rows.get(series, {})
    return {name: row.get(name) for name in _COLUMNS[1:]}


def _summarise(_stores: Stores, launch: Launch, _tries: Sequence[Try]) -> Summary:
    counts = ", ".join(f"{launch.counts[name]:,} {name}" for name in ("completed", "failed", "cancelled"))
    return Summary(f"retraining of {launch.dataset}: {counts} of {launch.total:,} series")


def _render(launch: Launch, tries: Sequence[Try]) -> dict[str, Any]:
    outcomes = [{"series": one.series, **(one.outputs or {})} for one in records.newest(tries)]
    return {"outcomes": table(outcomes[:_MOST_LISTED], _COLUMNS), "series": launch.total}


RETRAINING = LaunchKind(
    name="retrain",
    op="retrain_series",
    config=RetrainConfig,
    validate=validate,
    execute=_execute,
    summarise=_summarise,
    render=_render,
)


def request(stores: Stores, *, budget: int, cool_down_days: int, now: dt.datetime) -> tuple[list[str], str]:
    """Record that degrading series should be trained again, those with most units at risk first.

    Only those count that degrade by both rules. Returns the series, and in words what was left out.
    """
    (used,) = stores.warehouse.rows(RequestsSinceRow, since=now - dt.timedelta(days=1))
    degrading = stores.warehouse.rows(DegradingByBothRow)
    cold = now - dt.timedelta(days=cool_down_days)
    ready = [row for row in degrading if row["requested_at"] is None or row["requested_at"] < cold]
    rows = ready[: max(0, budget - used["requests"])]
    sentence = (
        f"{len(degrading):,} degrading by both rules, {len(degrading) - len(ready):,} cooling down, "
        f"{len(rows):,} requested, {len(ready) - len(rows):,} beyond the budget of {budget} in 24 hours"
    )
    if rows:
        frame = pl.DataFrame(
            {
                "series": [row["series"] for row in rows],
                "dataset": [row["dataset"] for row in rows],
                "requested_by": "sensor request_retraining",
                "reason": [row["reason"] for row in rows],
                "requested_at": now,
            }
        )
        with stores.warehouse.transaction() as connection:
            stores.warehouse.copy(connection, "retrain_request", frame)
    return [row["series"] for row in rows], sentence

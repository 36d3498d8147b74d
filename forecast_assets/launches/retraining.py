"""Training series again: by hand after a typed confirmation, or requested for somebody to decide.

Belongs here: choosing the series of a retraining, its job, and recording requests.
Does not belong here: evaluating and forecasting, which are the same as ever.
"""

import datetime as dt

import dagster as dg
import polars as pl
from pydantic import Field

from forecast_assets.backtests.assets import BACKTEST, CHAMPION, evaluate_and_report
from forecast_assets.confirmation import check_confirmation
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.membership import check_series
from forecast_assets.drift.model_health import queue
from forecast_assets.errors import BadSetting
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.forecasts.assets import forecast_and_report
from forecast_assets.forecasts.service import Wanted
from forecast_assets.launches.jobs import OUTCOME
from forecast_assets.rendering.tables import table
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource

_SHOWN = 1000


class RetrainConfig(dg.Config):
    """Which series of which dataset, and that somebody means it."""

    dataset: str = Field(description="Name of the dataset.")
    series: list[str] = Field(default=[], description="These series keys, besides those chosen below.")
    top: int = Field(default=0, ge=0, le=1000, description="So many from the head of the retraining queue.")
    requested: bool = Field(default=False, description="All whose retraining was requested and is not done.")
    confirm: str = Field(description="Type: retrain DATASET")


def chosen(stores: Stores, config: RetrainConfig, today: dt.date) -> list[str]:
    """The series to train, in the order of the queue. Raises ``BadSetting`` or ``UnknownName``."""
    check_confirmation(config.confirm, f"retrain {load(stores, config.dataset).name}")
    check_series(stores, config.dataset, config.series)
    ranked = queue(stores, config.dataset, today)
    found = [
        str(row["series"])
        for place, row in enumerate(ranked)
        if place < config.top
        or row["series"] in config.series
        or (config.requested and row["requested_at"] is not None)
    ]
    found += [key for key in config.series if key not in found]
    if not found:
        raise BadSetting("no series is chosen", remedy="name series, or set top or requested")
    return list(dict.fromkeys(found))


@dg.op(retry_policy=RETRY)
def retrain_series(context: dg.OpExecutionContext, config: RetrainConfig, stores: StoresResource) -> None:
    """Evaluate the chosen series anew, reusing nothing, and forecast with their champions.

    Uses the settings of the dataset, up to its newest day. The outcome of every series stands in the step's
    output; a broken one costs only itself.
    """
    with refusals_final():
        keys = chosen(stores.open(), config, dt.datetime.now(dt.UTC).date())
    context.log.info("training %d series of %s again", len(keys), config.dataset)
    failures: list[dg.Failure] = []
    try:
        evaluate_and_report(
            context, stores.open(), keys, changes={}, force=True, selected={BACKTEST, CHAMPION}
        )
    except dg.Failure as failure:
        failures.append(failure)
    try:
        forecast_and_report(context, stores.open(), keys, wanted=Wanted(), force=True)
    except dg.Failure as failure:
        failures.append(failure)
    rows = {str(row["series"]): row for row in stores.open().warehouse.rows("retrained", series=keys)}
    outcomes = [
        {
            "series": key,
            "outcome": rows[key]["outcome"],
            "champion": rows[key]["champion"],
            "wape": rows[key]["wape"],
            "wape_before": rows[key]["wape_before"],
            "detail": rows[key]["reason"],
        }
        for key in keys
        if key in rows
    ]
    columns = ["series", "outcome", "champion", "wape", "wape_before", "detail"]
    context.add_output_metadata({"outcomes": table(outcomes[:_SHOWN], columns), "series": len(keys)})
    good = any(row["outcome"] == "scored" for row in outcomes)
    ended = "completed" if not failures else "partial" if good else "failed"
    context.instance.add_run_tags(context.run.run_id, {OUTCOME: ended})
    if failures:
        raise failures[0]


@dg.job
def retrain() -> None:
    """Train series again: a list, the head of the retraining queue, or what was requested."""
    retrain_series()


def request(stores: Stores, *, budget: int, cool_down_days: int, now: dt.datetime) -> tuple[list[str], str]:
    """Record that degrading series should be trained again, those with most units at risk first.

    Only those count that degrade by both rules. Answers the series, and in words what was left out.
    """
    used = int(
        str((stores.warehouse.row("requests_since", since=now - dt.timedelta(days=1)) or {})["requests"])
    )
    degrading = stores.warehouse.rows("degrading_by_both")
    cold = now - dt.timedelta(days=cool_down_days)
    ready = [row for row in degrading if row["requested_at"] is None or row["requested_at"] < cold]  # type: ignore[operator]  # a timestamp
    rows = ready[: max(0, budget - used)]
    told = (
        f"{len(degrading)} degrading by both rules, {len(degrading) - len(ready)} cooling down, "
        f"{len(rows)} requested, {len(ready) - len(rows)} beyond the budget of {budget} in 24 hours"
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
    return [str(row["series"]) for row in rows], told

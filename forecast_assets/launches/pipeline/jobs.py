"""The job ``model_pipeline``.

Belongs here: a thin op around ``work``, and what Dagit shows of a pipeline run.
Does not belong here: the work.
"""

from typing import Any

import dagster as dg

from forecast_assets.dagster_internals.interrupts import terminations
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launches.outcome import is_ending, tell
from forecast_assets.launches.pipeline import work
from forecast_assets.launches.pipeline.config import PipelineConfig
from forecast_assets.partitions import register_series
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.warehouse import Row

_COLUMNS = ["rank", "candidate", "wape", "skill", "relative_bias", "sample_size", "reason"]


@dg.op(retry_policy=RETRY)
def run_pipeline(context: dg.OpExecutionContext, config: PipelineConfig, stores: StoresResource) -> None:
    """Sweep candidates over a scope and train the best one if it meets the guardrails; publish nothing."""
    ending = is_ending(context)
    with refusals_final(), terminations() as terminated:
        hands = work.Hands(
            stop=lambda: terminated() or ending(),
            last_try=context.retry_number >= (RETRY.max_retries or 0),
            tell=context.log.info,
            register=lambda keys: register_series(context.instance, keys),
        )
        row = work.run(stores.open(), config, run_id=context.run.run_id, hands=hands)
        by_hand = row is not None and row["status"] == "stopped" and hands.stop()
    if row is not None:
        context.add_output_metadata(shown(row))
        tell(context, str(row["status"]), str(row["summary"]), cut_short=by_hand)


def shown(row: Row) -> dict[str, Any]:
    """Summary, next steps and leaderboard."""
    steps: Any = row["next_steps"]
    told: dict[str, Any] = {
        "outcome": str(row["status"]),
        "summary": str(row["summary"]),
        "next_steps": dg.MetadataValue.md("\n".join(f"- {step}" for step in steps)),
    }
    backtests: Any = row["backtests"]
    if backtests is not None:
        told["leaderboard"] = table(backtests["leaderboard"], _COLUMNS)
    for name in ("dataset_run", "training"):
        if row[name] is not None:
            told[name] = dg.MetadataValue.json(row[name])  # type: ignore[arg-type]  # as the column holds it
    return told


@dg.job
def model_pipeline() -> None:
    """From a dataset to a trained model: sweep, leaderboard, guardrails, training. Never publishes."""
    run_pipeline()

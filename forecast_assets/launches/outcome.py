"""How something launched ended, told where people look: a tag on its runs, and the colour of the run.

Belongs here: what all launched jobs do at their end.
Does not belong here: what they did.
"""

from collections.abc import Callable, Sequence

import dagster as dg

from forecast_assets.backtests.assets import global_forecasts_asset
from forecast_assets.global_models.fold_models import Fitted

OUTCOME = "forecast/outcome"
RETRY_ITEMS = "forecast/retry_items"
GOOD = {"completed", "success", "stopped"}
_ENDING = {dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED}


def record_id(run: dg.DagsterRun) -> str:
    """The id of the record that a run works on: the first run's, of which the others are re-executions."""
    return run.root_run_id or run.run_id


def tell(context: dg.OpExecutionContext, status: str, sentence: str, *, cut_short: bool) -> None:
    """Tag the run and the first one of its chain with the outcome, and let it end as it deserves.

    Raises ``dagster.Failure`` for what is not all good; the run of what a person ``cut_short`` is cancelled.
    """
    for run_id in {context.run.run_id, record_id(context.run)}:
        context.instance.add_run_tags(run_id, {OUTCOME: status})
    context.log.info(sentence)
    if cut_short and not is_ending(context)():
        context.instance.report_run_canceling(context.run)
    if cut_short or status not in GOOD:
        # Not an interruption: Dagster would try the step again.
        raise dg.Failure(sentence, metadata={"outcome": status}, allow_retries=False)


def report_fits(context: dg.OpExecutionContext, dataset: str, fits: Sequence[Fitted]) -> None:
    """Show global models that had to be fitted where a materialization of their asset would be."""
    if fits:
        told = {fit.candidate: fit.failure or fit.action for fit in fits}
        context.log_event(
            dg.AssetMaterialization(global_forecasts_asset.key, partition=dataset, metadata={"fits": told})
        )


def is_ending(context: dg.OpExecutionContext) -> Callable[[], bool]:
    """A question: did somebody ask Dagster to end this run?"""

    def asked() -> bool:
        run = context.instance.get_run_by_id(context.run.run_id)
        return run is not None and run.status in _ENDING

    return asked

"""Jobs of launched work: one op around the life of a launch, whatever its kind.

Belongs here: what Dagster has to know of a launch: tags, metadata and colour of its run, fitted models.
Does not belong here: the life of a launch (``lifecycle``) and any kind.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import BaseModel, create_model

from forecast_assets.backtests.assets import BACKTEST, global_forecasts_asset
from forecast_assets.errors import REFUSALS, BadSetting
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.global_models.fold_models import Fitted
from forecast_assets.launch_examples import example
from forecast_assets.launches import lifecycle, records
from forecast_assets.launches.kind import Config, Execution, LaunchKind
from forecast_assets.launches.model import Launch, Try
from forecast_assets.launches.worker_pool import RunControl
from forecast_assets.rendering.addresses import own_page
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.resource import RegistryResource, StoresResource

OUTCOME = "forecast/outcome"
RETRY_ITEMS = "forecast/retry_items"
_REFUSED_ITEMS = REFUSALS | {"Unusable"}
GOOD = frozenset({"completed", "success", "stopped"})
# Their results have no asset of their own.
_ABOUT = frozenset({"batch", "compare", "pipeline"})
_ENDING = {dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED}


def launch_job(
    kind: LaunchKind[Config], *, op: str, job: str, opens_with: Mapping[str, object]
) -> dg.JobDefinition:
    """Return the job of a kind; ``op`` and ``job`` say what its op and the job do.

    ``opens_with`` are the fields that its Launchpad is filled with.
    """

    def compute(
        context: dg.OpExecutionContext, config: Config, stores: StoresResource, registry: RegistryResource
    ) -> None:
        carry_out(kind, context, config, stores.open(), registry.open)

    compute.__annotations__["config"] = launchpad(kind.config)
    compute_op = dg.op(name=kind.op, description=op, retry_policy=RETRY)(compute)

    @dg.job(name=kind.job, description=job, config=example(kind.op, **opens_with))
    def launched() -> None:
        compute_op()

    return launched


def launchpad(model: type[BaseModel]) -> type[dg.Config]:
    """Return the configuration of Dagster with the fields of ``model``, which it is an instance of, too."""
    bases: Any = (dg.Config, model)  # of different types, which create_model cannot say
    fields: type[dg.Config] = create_model(model.__name__, __base__=bases, __doc__=model.__doc__)
    return fields


def carry_out(
    kind: LaunchKind[Config],
    context: dg.OpExecutionContext,
    config: Config,
    stores: Stores,
    registry: Callable[[], Registry],
) -> None:
    """Work a launch off in the run of ``context``, show what came out, and end the run as it deserves."""
    named = context.run.tags.get(RETRY_ITEMS)
    control = RunControl(
        asked_to_end=is_ending(context),
        log=context.log.info,
        last_try=context.retry_number >= (RETRY.max_retries or 0),
    )
    with refusals_final():
        launch = lifecycle.run(
            kind,
            stores,
            config,
            launch_id=record_id(context.run) if kind.by_item else context.run.run_id,
            run_id=context.run.run_id,
            items=None if named is None else json.loads(named),
            control=control,
            context=context,
            registry=registry,
        )
    tries = records.tries(stores, launch.launch_id)
    context.add_output_metadata({"outcome": kind.word(launch), **kind.render(launch, tries)})
    if kind.name in _ABOUT:
        _show_on_pages(context, launch, sorted({one.series for one in tries}))
    finish_run(context, kind, launch, tries)


def _show_on_pages(context: dg.OpExecutionContext, launch: Launch, series: Sequence[str]) -> None:
    """Say what came out on the pages of the series that it is about; of many, on that of their dataset."""
    run_id = context.run.run_id
    metadata: dict[str, str | dg.MetadataValue] = {
        launch.kind: launch.what,
        "result": dg.MetadataValue.md(f"[run {run_id[:8]}]({own_page(f'/runs/{run_id}')})"),
    }
    if 0 < len(series) <= environment().detailed_series:
        for key in series:
            context.log_event(dg.AssetObservation(BACKTEST, partition=key, metadata=metadata))
    elif launch.dataset is not None:
        context.log_event(dg.AssetObservation("leaderboard", partition=launch.dataset, metadata=metadata))


def record_id(run: dg.DagsterRun) -> str:
    """The id of the record that a run works on: the first run's, of which the others are re-executions."""
    return run.root_run_id or run.run_id


def finish_run(
    context: dg.OpExecutionContext, kind: LaunchKind[Any], launch: Launch, tries: Sequence[Try] = ()
) -> None:
    """Tag the run and the first one of its chain with the outcome, and let it end as it deserves.

    Raises ``dagster.Failure`` for what is not all good, with the reason of the first item of ``tries`` that
    failed; the run of what a person cut short is cancelled.
    """
    word = kind.word(launch)
    for run_id in {context.run.run_id, launch.launch_id}:
        context.instance.add_run_tags(run_id, {OUTCOME: word})
    sentence = f"{kind.name} {launch.launch_id} {word}: {launch.what}"
    context.log.info(sentence)
    is_cut_short = launch.cancel_requested_at is not None and (
        launch.cancelled or launch.status == "cancelled"
    )
    if is_cut_short and not is_ending(context)():
        context.instance.report_run_canceling(context.run)
    if is_cut_short or word not in GOOD:
        # Not an interruption: Dagster would try the step again.
        why, refusal = _why_items_failed(launch, tries)
        raise dg.Failure(sentence + why, metadata={"outcome": word, **refusal}, allow_retries=False)


def _why_items_failed(launch: Launch, tries: Sequence[Try]) -> tuple[str, dict[str, str]]:
    """The end of a run's sentence, and the code of a refusal where every failed item was refused."""
    failed = [one for one in records.newest(tries) if one.status == "failed"]
    if not failed:
        return "", {}
    first, others = failed[0], len(failed) - 1
    more = f", and {others:,} more failed" if others else ""
    why = f"; {first.series} {first.candidate or ''}".rstrip() + f": {first.error_message}{more}"
    remedy = f"see `forecast-assets export batch-items {launch.launch_id}`; a retry tries failed items again"
    is_refused = all(one.error_type in _REFUSED_ITEMS for one in failed)
    return f"{why}\n  -> {remedy}", {"code": BadSetting.__name__} if is_refused else {}


def report_fits(work: Execution, dataset: str, fits: Sequence[Fitted]) -> None:
    """Show global models that had to be fitted on the page of their asset.

    Not as its materialization: what was evaluated with the models of its own would look out of date.
    """
    if fits and work.context is not None:
        actions = {fit.candidate: fit.failure or fit.action for fit in fits}
        work.context.log_event(
            dg.AssetObservation(global_forecasts_asset.key, partition=dataset, metadata={"fits": actions})
        )


def is_ending(context: dg.OpExecutionContext) -> Callable[[], bool]:
    """Return a question: did somebody ask Dagster to end this run?"""

    def is_asked() -> bool:
        run = context.instance.get_run_by_id(context.run.run_id)
        return run is not None and run.status in _ENDING

    return is_asked

"""The job ``showcase``.

Belongs here: a thin op, and what Dagit shows of a showcase.
Does not belong here: steps and records.
"""

from typing import Any

import dagster as dg

from forecast_assets.dagster_internals.interrupts import terminations
from forecast_assets.dagster_internals.partition_reporting import report_materializations
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launches.outcome import is_ending, tell
from forecast_assets.launches.showcase import work
from forecast_assets.launches.showcase.config import ShowcaseConfig
from forecast_assets.launches.showcase.context import Hands
from forecast_assets.partitions import register_series
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import StoresResource


@dg.op(retry_policy=RETRY)
def run_showcase(context: dg.OpExecutionContext, config: ShowcaseConfig, stores: StoresResource) -> None:
    """Make a preset's sales and show everything that is done with them, step by step."""
    show(context, config, stores)


def show(context: dg.OpExecutionContext, config: ShowcaseConfig, stores: StoresResource) -> None:
    """Carry a showcase out in the run of ``context``, and tell how it ended."""
    ending = is_ending(context)
    with refusals_final(), terminations() as terminated:
        hands = _hands(context, stop=lambda: terminated() or ending())
        shown = work.run(stores.open(), config, run_id=context.run.run_id, hands=hands)
        cut_short = shown.status == "failed" and hands.stop()
    metadata: dict[str, Any] = {
        "outcome": shown.status,
        "steps": table(shown.steps, ["step", "result", "sentence", "seconds"]),
        "dataset": shown.dataset,
        "workspace": shown.workspace_id or "not kept",
    }
    context.add_output_metadata(metadata)
    last = shown.steps[-1]
    told = f"showcase {config.preset.value} {shown.status}: {len(shown.steps)} steps"
    if shown.status == "failed":
        told = f"{told}; {last['step']}: {last['sentence']}"
    tell(context, shown.status, told, cut_short=cut_short)


def _hands(context: dg.OpExecutionContext, *, stop: Any) -> Hands:  # noqa: ANN401 - a question
    instance = context.instance

    def forget(dataset: str, keys: list[str]) -> None:
        for key in keys:
            instance.delete_dynamic_partition("series", key)
        instance.delete_dynamic_partition("datasets", dataset)

    return Hands(
        register=lambda keys: register_series(instance, keys),
        add_dataset=lambda name: instance.add_dynamic_partitions("datasets", [name]),
        forget=forget,
        book=lambda events: report_materializations(context, events),
        stop=stop,
        tell=context.log.info,
    )


@dg.job
def showcase() -> None:
    """Show a preset from its sales to forecasts; kept runs become workspaces."""
    run_showcase()

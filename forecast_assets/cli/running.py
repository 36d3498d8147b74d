"""Runs that a command executes in its own process.

Belongs here: how a job is executed, what marks its run, and how Ctrl-C cancels it.
Does not belong here: which jobs a command needs (``evaluate``, ``registry``), and the queue (``launch``).
"""

import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from forecast_assets.cli.garbage import without_garbage_search
from forecast_assets.cli.interrupts import CurrentRun, cancelled_by_key
from forecast_assets.dagster_internals.run_factory import OF_OUR_CODE
from forecast_assets.dagster_internals.run_launcher import process_tags
from forecast_assets.failures import refusals_raised
from forecast_assets.launches import lifecycle, records
from forecast_assets.launches.evaluation import LAUNCH_TAG
from forecast_assets.launches.kind import LaunchKind
from forecast_assets.stores.arrow import leave_pandas_out
from forecast_assets.stores.opening import open_stores

CANCELLED = "Ctrl-C on the command line"
# The command tells what came out; the log of the run is in Dagit.
ALL_ASSETS = "__ASSET_JOB"
QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


def execute(
    instance: dg.DagsterInstance,
    job: str,
    config: Mapping[str, Any],
    *,
    tags: Mapping[str, str] | None = None,
    partition_key: str | None = None,
    assets: Sequence[str] | None = None,
) -> None:
    """Execute a job here, or with ``assets`` only these of it.

    Raises the ``ForecastError`` behind a refusal, ``dagster.Failure`` otherwise.
    """
    run_id = str(uuid.uuid4())
    of_record = [tags[LAUNCH_TAG]] if tags and LAUNCH_TAG in tags else []
    with refusals_raised(instance, run_id), cancelled_by_key(current(instance, run_id, of_record)):
        _job(job).execute_in_process(
            instance=instance,
            run_config={**config, "loggers": QUIET},
            partition_key=partition_key,
            asset_selection=None if assets is None else [dg.AssetKey(name) for name in assets],
            tags={**(tags or {}), **process_tags(), **OF_OUR_CODE},
            run_id=run_id,
        )


def _job(name: str) -> dg.JobDefinition:
    with without_garbage_search():
        leave_pandas_out()
        # A second of imports that printing a table should not cost.
        from forecast_assets.definitions import defs

        return (
            defs.resolve_implicit_global_asset_job_def() if name == ALL_ASSETS else defs.resolve_job_def(name)
        )


def current(instance: dg.DagsterInstance, run_id: str, launch_ids: Iterable[str]) -> CurrentRun:
    """The run of this process, and the records of launches that it works on, as Ctrl-C ends them.

    An id of ``launch_ids`` that has no record is passed over.
    """
    # One thread asks for the end and another books it: the first word may not come last.
    booking = threading.Lock()

    def cancel() -> None:
        with booking:
            run = instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                instance.report_run_canceling(run, CANCELLED)

    def end() -> None:
        with booking:
            run = instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                instance.report_run_canceled(run, CANCELLED)

    def settle() -> None:
        # A process that ends at once does not come to where its launch is settled.
        stores = open_stores()
        for launch in filter(None, (records.find(stores, launch_id) for launch_id in launch_ids)):
            records.cancel(stores, launch.launch_id)
            lifecycle.settle(
                _kind(launch.kind),
                stores,
                launch.launch_id,
                pending=lifecycle.CANCELLED,
                running=lifecycle.CANCELLED,
                empty="cancelled",
            )

    return CurrentRun(cancel, end, settle)


def _kind(name: str) -> LaunchKind[Any]:
    # Pulls in every job, which a process that only lists things should not pay for.
    from forecast_assets.launches.kinds import KINDS

    return KINDS[name]


def range_tags(first: str, last: str) -> dict[str, str]:
    """Tags of a run over a range of partitions."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}

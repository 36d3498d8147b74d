"""Reporting many partitions from one step, each with its own metadata.

Belongs here: handing materializations to Dagster in batches, losing none.
Does not belong here: what a materialization says, and whether a series is good enough for one.
"""

from collections.abc import Iterable
from logging import DEBUG
from time import time
from typing import cast
from uuid import uuid4

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import DagsterEvent, DagsterEventBatchMetadata, StepMaterializationData
from dagster._core.execution.context.system import StepExecutionContext
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt

_CHUNK = 1000


def report_materializations(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    materializations: Iterable[dg.AssetMaterialization],
) -> int:
    """Report each materialization in the name of the running step; return how many there were.

    Takes as many as there are, in constant memory. Whatever was taken before an error or a
    termination is reported before that goes on its way.
    """
    ledger = _Ledger(context.get_step_execution_context())
    reported = 0
    chunk: list[dg.AssetMaterialization] = []
    try:
        for materialization in materializations:
            chunk.append(materialization)
            reported += 1
            if len(chunk) == _CHUNK:
                ledger.enter(chunk)
    finally:
        ledger.enter(chunk)
    return reported


class _Ledger:
    """As much of a step as an event needs to know, with the event log itself for a logger.

    The step's own logger would print every single event, too.
    """

    def __init__(self, step: StepExecutionContext) -> None:
        self.job_name = step.job_name
        self.step = step.step
        self.event_tags = step.event_tags
        self.log = self
        self._instance = step.instance
        self._run_id = step.run_id
        self._models: dict[tuple[dg.AssetKey, str | None], DagsterEvent] = {}

    def enter(self, chunk: list[dg.AssetMaterialization]) -> None:
        """Report and empty the chunk; a termination waits until that is done."""
        batch, last = str(uuid4()), len(chunk) - 1
        with capture_interrupts():
            try:
                for n, materialization in enumerate(chunk):
                    self._report(materialization, DagsterEventBatchMetadata(batch, is_end=n == last))
            finally:
                chunk.clear()
            if check_captured_interrupt():
                raise DagsterExecutionInterruptedError

    def _report(self, materialization: dg.AssetMaterialization, batch: DagsterEventBatchMetadata) -> None:
        """Let Dagster make the first event of an asset; the others differ from it by what happened only."""
        kind = (materialization.asset_key, materialization.description)
        model = self._models.get(kind)
        if model is None:
            step = cast("StepExecutionContext", self)
            self._models[kind] = DagsterEvent.asset_materialization(step, materialization, batch)
            return
        event = model._replace(event_specific_data=StepMaterializationData(materialization))
        self.log_dagster_event(DEBUG, event.message or "", event, batch)

    def log_dagster_event(
        self,
        level: int,
        msg: str,
        dagster_event: DagsterEvent,
        batch_metadata: DagsterEventBatchMetadata | None,
    ) -> None:
        """Store the event, or leave it to the batch that it belongs to."""
        entry = dg.EventLogEntry(
            error_info=None,
            level=level,
            user_message=msg,
            run_id=self._run_id,
            timestamp=time(),
            step_key=dagster_event.step_key,
            job_name=self.job_name,
            dagster_event=dagster_event,
        )
        self._instance.handle_new_event(entry, batch_metadata=batch_metadata)

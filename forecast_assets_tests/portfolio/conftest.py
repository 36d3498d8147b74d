"""Launching jobs the way Dagit does, on a place of one's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from forecast_assets.bookkeeping import launching
from forecast_assets.portfolio.batch.jobs import batch, prioritise_batch
from forecast_assets.stores.warehouse import Row
from forecast_assets_tests.scenario import Place, shop

OPS = {"batch": (batch, "work_off_batch"), "prioritise_batch": (prioritise_batch, "set_item_priority")}


@dataclass(frozen=True)
class Launched:
    """One run, and what it left on record."""

    place: Place
    result: dg.ExecuteInProcessResult

    @property
    def run_id(self) -> str:
        return self.result.run_id

    @property
    def outcome(self) -> str | None:
        run = self.place.instance.get_run_by_id(self.run_id)
        assert run is not None
        return run.tags.get("forecast/outcome")

    @property
    def failure(self) -> dict[str, Any]:
        """What Dagit shows of the step that failed."""
        (event,) = [event for event in self.result.all_node_events if event.is_step_failure]
        told = event.step_failure_data.user_failure_data
        assert told is not None
        return {name: entry.value for name, entry in told.metadata.items()} | {"said": told.description}


@pytest.fixture
def launch(place: Place) -> Callable[..., Launched]:
    """Run a job to its end: ``launch("batch", dataset="shop", ...)``."""

    def launched(job: str, **config: Any) -> Launched:
        definition, op = OPS[job]
        result = definition.execute_in_process(
            instance=place.instance,
            resources={"stores": place.resource},
            run_config={"ops": {op: {"config": config}}},
            raise_on_error=False,
        )
        return Launched(place, result)

    return launched


@pytest.fixture
def again(place: Place) -> Callable[..., dg.DagsterRunStatus]:
    """Execute a run again, as Dagit's re-execution does; answer how that ended."""

    def executed(run_id: str, **tags: str) -> str:
        parent = place.instance.get_run_by_id(run_id)
        assert parent is not None
        run = launching.create(place.instance, parent.job_name, parent.run_config, tags=tags, parent=parent)
        launching.execute(place.instance, run, raise_on_error=False)
        return run.run_id

    return executed


@pytest.fixture
def shopped(place: Place) -> Place:
    """A place with the awkward shop, ready to be evaluated."""
    place.prepare("shop", shop())
    return place


def items_of(place: Place, batch_id: str) -> list[Row]:
    """All tries of all items of a batch."""
    return place.stores.warehouse.rows("batch_items", batch_id=batch_id)

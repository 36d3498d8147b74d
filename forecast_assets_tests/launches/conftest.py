"""Launching jobs the way Dagit does, on a place of one's own."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import dagster as dg
import polars as pl
import pytest

from forecast_assets.dagster_internals import run_factory
from forecast_assets.datasets.sources import Columns
from forecast_assets.launches import records
from forecast_assets.launches.batch.champions import promote_batch_champions
from forecast_assets.launches.batch.priority_job import prioritise_batch
from forecast_assets.launches.kinds import batch, compare_candidates, model_pipeline, showcase
from forecast_assets.launches.model import Launch
from forecast_assets.launches.showcase.workspace_jobs import change_workspace, replay_workspace
from forecast_assets.stores.resource import RegistryResource
from forecast_assets_tests.scenario import Place, many, shop

# Series i is of category i, and its store is its region.
STATICS = {"category": pl.col("product_id").str.slice(3), "region": pl.col("store_id")}
OPS = {
    "batch": (batch, "work_off_batch"),
    "prioritise_batch": (prioritise_batch, "set_item_priority"),
    "compare": (compare_candidates, "compare"),
    "promote": (promote_batch_champions, "mark_champions"),
    "showcase": (showcase, "run_showcase"),
    "change_workspace": (change_workspace, "apply_to_workspace"),
    "replay_workspace": (replay_workspace, "run_workspace_again"),
    "pipeline": (model_pipeline, "run_pipeline"),
}


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
        failure = event.step_failure_data.user_failure_data
        assert failure is not None
        return {name: entry.value for name, entry in failure.metadata.items()} | {"said": failure.description}


def run(place: Place, job: str, *, opens: Any = None, **config: Any) -> Launched:
    """Run a job to its end: ``run(place, "batch", dataset="shop", ...)``."""
    definition, op = OPS[job]
    result = definition.execute_in_process(
        instance=place.instance,
        resources={"stores": place.resource, "registry": opens or RegistryResource()},
        run_config={"ops": {op: {"config": config}}},
        raise_on_error=False,
    )
    return Launched(place, result)


def again(place: Place, run_id: str, **tags: str) -> str:
    """Execute a run again, as Dagit's re-execution does; return the id of the new run."""
    parent = place.instance.get_run_by_id(run_id)
    assert parent is not None
    new_run = run_factory.create(place.instance, parent.job_name, parent.run_config, tags=tags, parent=parent)
    run_factory.execute(place.instance, new_run, raise_on_error=False)
    return new_run.run_id


def step_metadata(done: Launched) -> dict[str, Any]:
    """What Dagit shows of the step that a run is made of."""
    (output,) = [event for event in done.result.all_node_events if event.event_type_value == "STEP_OUTPUT"]
    return {name: entry.value for name, entry in output.step_output_data.metadata.items()}


@pytest.fixture(scope="module")
def shopped(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place with the awkward shop and a dozen plain series, ready to be evaluated; shared by a module."""
    with open_place(tmp_path_factory.mktemp("shopped")) as opened:
        opened.prepare("shop", shop())
        opened.prepare("many", many(12).with_columns(**STATICS), columns=Columns(static=tuple(STATICS)))
        yield opened


def items_of(place: Place, launch_id: str) -> list[dict[str, Any]]:
    """All tries of all items of a launch."""
    return [asdict(one) for one in records.tries(place.stores, launch_id)]


def launch_of(place: Place, launch_id: str) -> Launch:
    """What is on record of a launch."""
    return records.read(place.stores, launch_id)


def newest_launch(place: Place) -> str:
    """The id of what was launched last."""
    return records.listed(place.stores, at_most=1)[0].launch_id

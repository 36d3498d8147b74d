"""The acceptance checks of showcase workspaces, one by one."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from forecast_assets.datasets.definition import automatic
from forecast_assets.datasets.presets.catalogue import Preset
from forecast_assets.errors import ForecastError, UnknownName
from forecast_assets.launches import lifecycle, records, runs
from forecast_assets.launches.kinds import KINDS
from forecast_assets.launches.showcase import config as showcase_config
from forecast_assets.launches.showcase import references, workspaces
from forecast_assets.launches.showcase import run as showcases
from forecast_assets.launches.showcase.config import ShowcaseConfig, resolve
from forecast_assets.launches.showcase.workspace_jobs import change_workspace, replay_workspace
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.rows.datasets import DatasetStatesRow
from forecast_assets.stores.rows.forecasts import PlansRow
from forecast_assets_tests.launches.conftest import Launched, run, step_metadata
from forecast_assets_tests.scenario import HEALTHY, Place, shop

SMALL: dict[str, Any] = {"preset": "demo_minimal", "stores": 1, "products": 2}
KEPT: dict[str, Any] = {**SMALL, "preservation": "keep", "workspace_name": "tour"}


@pytest.fixture(scope="module")
def toured(
    open_place: Callable, mlflow_beside: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A place with a registry and somebody else's dataset in it, shared by a module."""
    with (
        open_place(tmp_path_factory.mktemp("toured")) as opened,
        mlflow_beside(os.environ["FORECAST_DATABASE_URL"]),
    ):
        opened.prepare("shop", shop())
        opened.evaluate(HEALTHY)
        yield opened


def steps_of(done: Launched) -> dict[str, tuple[str, str]]:
    records = step_metadata(done)["steps"].records
    return {row.data["step"]: (row.data["result"], row.data["sentence"]) for row in records}


def workspace_of(done: Launched) -> dict[str, Any]:
    return dict(workspaces.read(done.place.stores, done.run_id))


@pytest.mark.parametrize("preset", list(Preset))
def test_every_preset_is_green_or_ends_in_its_documented_warning(toured, preset):
    before = [row for row in toured.table("champion") if row["dataset"] == "shop"]
    done = run(toured, "showcase", preset=preset.value)
    assert (done.result.success, done.outcome) == (True, "completed")
    results = {name: result for name, (result, _) in steps_of(done).items()}
    assert "fail" not in results.values()
    warned = {name for name, result in results.items() if result == "warn"}
    assert warned <= ({"backtest", "forecast"} if preset is Preset.sparse else set())
    assert {name for name, result in results.items() if result == "skip"} == {
        "reset",
        "compare_plans",
        "knowledge",
    }
    assert ("batch" in results) == (preset is Preset.showcase_rich)
    assert [row for row in toured.table("champion") if row["dataset"] == "shop"] == before
    assert not toured.table("workspace"), "nothing is kept unless somebody asks for it"


def test_a_kept_run_makes_exactly_one_row_with_everything_it_made(toured):
    done = run(toured, "showcase", **KEPT, seed=7)
    assert [one["launch_id"] for one in toured.table("workspace")].count(done.run_id) == 1
    row = workspace_of(done)
    assert (row["name"], row["status"], row["preset"], row["seed"]) == (
        "tour",
        "completed",
        "demo_minimal",
        7,
    )
    assert len(row["workspace_id"]) == 32
    created_objects = row["created_objects"]
    assert created_objects["dataset"] == row["dataset"]
    assert created_objects["winning_run_id"] == created_objects["run_id"] == done.run_id
    assert created_objects["artifact_paths"][0] in toured.files()
    pair = f"{row['dataset']}__{row['store_id']}__{row['product_id']}"
    assert created_objects["alias"] == f"{pair}@demo-production"
    assert open_registry().aliases([pair])[pair]["demo-production"] == created_objects["model_version"]
    assert all(created_objects.values()), "what is empty is left out"
    plans = toured.stores.warehouse.rows(PlansRow, names=None, dataset=None, tags=["workspace:tour"])
    assert {plan["name"] for plan in plans if plan["run_id"] == done.run_id} == set(
        created_objects["scenario_plan_ids"]
    )
    assert all(set(plan["tags"]) == {"showcase", "workspace:tour", "source:showcase"} for plan in plans)
    assert steps_of(done)["compare_plans"][0] == "pass"
    assert row["result_summary"]["winner_model_type"] in {"naive", "seasonal_naive", "moving_average"}
    assert row["result_summary"]["winner_wape"] > 0
    assert (row["store_id"], row["product_id"]) == ("S0001", "SKU-10000")
    assert (row["date_end"] - row["date_start"]).days == 91
    assert [step["step"] for step in row["steps"]][-1] == "cleanup"


def test_a_tour_judges_a_promotion_and_promotes_nothing(toured):
    steps = steps_of(run(toured, "showcase", **SMALL, seed=12))
    pair = f"{workspace_dataset(seed=12)}__S0001__SKU-10000"
    assert steps["promote"][0] == "pass"
    assert steps["promote"][1].startswith("new: version 1, ")
    assert steps["verify_files"] == ("pass", "version 1: its files are what was registered")
    assert "champion" not in open_registry().aliases([pair])[pair]


def test_a_tour_that_is_not_kept_gives_its_alias_back(toured):
    pair = f"{workspace_dataset(seed=13)}__S0001__SKU-10000"
    run(toured, "showcase", **SMALL, seed=13)
    assert "demo-production" not in open_registry().aliases([pair])[pair]
    run(toured, "showcase", **KEPT, seed=13)
    run(toured, "showcase", **SMALL, seed=13)
    assert open_registry().aliases([pair])[pair]["demo-production"] == 1


def test_a_part_of_a_showcase_leads_to_the_showcase(toured):
    done = run(toured, "showcase", preset="showcase_rich")
    with pytest.raises(UnknownName, match=f"a part of the launch {done.run_id}"):
        runs.find(toured.stores, toured.instance, f"{done.run_id}-batch")
    with pytest.raises(UnknownName, match="there is no run 'x-batch'"):
        runs.find(toured.stores, toured.instance, "x-batch")


def test_no_schedule_and_no_sensor_loads_the_sales_of_a_showcase_again(toured):
    run(toured, "showcase", **SMALL, seed=7)
    assert workspace_dataset(seed=7) not in automatic(toured.stores)
    assert "shop" in automatic(toured.stores)
    states = toured.stores.warehouse.rows(DatasetStatesRow)
    assert workspace_dataset(seed=7) not in {row["dataset"] for row in states}


def test_series_of_a_showcase_are_partitions_with_materializations(toured):
    done = run(toured, "showcase", **SMALL, seed=7)
    key = f"{workspace_dataset(seed=7)}__S0001__SKU-10000"
    assert done.run_id in {event.run_id for event in toured.reported("champion", key)}
    assert key in toured.instance.get_dynamic_partitions("series")


def workspace_dataset(**config: Any) -> str:
    return resolve(ShowcaseConfig(**{**SMALL, **config})).dataset


def test_a_tour_that_fails_half_way_is_on_record_with_what_it_made(toured, monkeypatch):
    def broken(_: str) -> Any:
        raise ArithmeticError("thirteen")

    monkeypatch.setattr("forecast_assets.forecasting.core.isolation.local", broken)
    done = run(toured, "showcase", **KEPT, seed=8)
    assert done.outcome == "failed"
    row = workspace_of(done)
    assert row["status"] == "failed"
    assert row["steps"][-1]["result"] == "fail"
    assert row["steps"][-1]["step"] in done.failure["said"]


def test_a_cancelled_tour_is_on_record_as_cancelled(toured, monkeypatch):
    real = showcases.COMMON

    def interrupt(bench: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return real[0](bench)

    interrupt.__name__ = "precheck"
    monkeypatch.setattr(showcases, "COMMON", (interrupt, *real[1:]))
    done = run(toured, "showcase", **KEPT, seed=9)
    row = workspace_of(done)
    assert (row["status"], row["steps"][-1]["sentence"]) == ("cancelled", "cancelled")
    assert toured.instance.get_run_by_id(done.run_id).status.value == "CANCELED"


def test_a_record_that_cannot_be_written_never_breaks_the_tour(toured, monkeypatch):
    def lost(*_: object, **__: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(workspaces, "create", lost)
    done = run(toured, "showcase", **KEPT, seed=7)
    assert done.outcome == "completed"
    assert not [row for row in toured.table("workspace") if row["launch_id"] == done.run_id]


def test_the_same_configuration_twice_is_green_twice_with_rows_of_their_own(toured):
    first = run(toured, "showcase", **KEPT, seed=7)
    dry = step_metadata(run(toured, "replay_workspace", workspace=first.run_id))
    assert (dry["recorded_against_sent"], dry["to_apply_type"]) == ("nothing differs", "replay tour")
    unsure = run(toured, "replay_workspace", workspace=first.run_id, confirm="yes")
    assert unsure.failure["remedy"] == "look at the dry run, then type: replay tour"
    second = run(toured, "replay_workspace", workspace=first.run_id, confirm="replay tour")
    one, two = workspace_of(first), workspace_of(second)
    assert (one["status"], two["status"]) == ("completed", "completed")
    assert one["workspace_id"] != two["workspace_id"]
    assert two["config"] == one["config"]
    assert two["replayed_from"] == one["workspace_id"]
    assert workspaces.compared(toured.stores, first.run_id, second.run_id) == []
    both = {"workspace": first.run_id, "other": second.run_id, "action": "compare"}
    assert step_metadata(run(toured, "change_workspace", **both))["difference"] == "nothing differs"
    restoring = run(toured, "change_workspace", workspace=first.run_id, action="restore")
    restored = step_metadata(restoring)["run_config"]
    assert restored["ops"]["run_showcase"]["config"] == one["config"]


def test_what_a_workspace_refers_to_is_alive_or_dead_and_its_lineage_ends_at_a_deleted_one(toured):
    first = run(toured, "showcase", **KEPT, seed=14)
    second = run(toured, "replay_workspace", workspace=first.run_id, confirm="replay tour")
    third = run(toured, "replay_workspace", workspace=second.run_id, confirm="replay tour")
    chain = references.lineage(toured.stores, third.run_id)
    handles = [workspaces.workspace_id(one.run_id) for one in (third, second, first)]
    assert [(row["depth"], row["workspace_id"]) for row in chain] == list(enumerate(handles))
    workspaces.delete(toured.stores, first.run_id)
    assert [row["workspace_id"] for row in references.lineage(toured.stores, third.run_id)] == handles[:2]
    state_by_kind = {
        link["kind"]: link["state"] for link in references.links(toured.stores, third.run_id, open_registry)
    }
    assert state_by_kind == dict.fromkeys(
        ("dataset", "scenario_plan_ids", "artifact_paths", "alias"), "alive"
    )
    pair, _, alias = workspace_of(third)["created_objects"]["alias"].partition("@")
    open_registry().drop_alias(pair, alias)
    for path in workspace_of(third)["created_objects"]["artifact_paths"]:
        toured.stores.lake.delete(path)
    state_by_kind = {
        link["kind"]: link["state"] for link in references.links(toured.stores, third.run_id, open_registry)
    }
    assert state_by_kind["alias"] == state_by_kind["artifact_paths"] == "dead"


def test_reset_makes_the_same_data_anew_and_touches_nobody_elses(toured):
    run(toured, "showcase", **SMALL, seed=7)
    done = run(toured, "showcase", **SMALL, seed=7, reset=True)
    steps = steps_of(done)
    assert (steps["reset"][0], steps["seed"][0]) == ("pass", "pass")
    assert "shop" in {row["name"] for row in toured.table("dataset")}


def test_a_dataset_that_only_bears_the_name_is_left_alone(toured):
    name = workspace_dataset(seed=11)
    toured.add(name, shop(), evaluation=resolve(ShowcaseConfig(**SMALL)).settings)
    done = run(toured, "showcase", **SMALL, seed=11, reset=True)
    assert done.outcome == "failed"
    assert "is not one that a showcase made" in done.failure["said"]
    assert name in {row["name"] for row in toured.table("dataset")}


def test_a_pair_that_is_not_sold_falls_back_to_the_first_with_a_warning(toured):
    result, sentence = steps_of(run(toured, "showcase", **SMALL, seed=7, store_id="S0009"))["status"]
    assert result == "warn"
    assert "is not sold here" in sentence


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"workspace_name": "tour"}, "a workspace name needs preservation keep"),
        ({"preservation": "keep"}, "workspace name None cannot be used"),
        ({"preservation": "keep", "workspace_name": "Tour"}, "workspace name 'Tour' cannot be used"),
        ({"preservation": "keep", "workspace_name": "x" * 101}, "cannot be used"),
        ({"reset": True, "skip_seed": True}, "reset deletes the data"),
        ({"skip_seed": True}, "stores, products need new data"),
        ({"preset": "holiday_rush", "window_days": 90}, "its window is pinned"),
        ({"models": ["naiv"]}, "did you mean 'naive'"),
        ({"models": ["naive"] * 11}, "11 candidates"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_the_first_step(config, said):
    with pytest.raises(ForecastError) as refused:
        resolve(ShowcaseConfig(**{**SMALL, **config}))
    assert said in refused.value.problem + refused.value.remedy


def test_only_one_showcase_runs_at_a_time(toured):
    with toured.stores.warehouse.locks() as locks:
        locks.take(lifecycle.EXCLUSIVE, "showcase")
        refused = run(toured, "showcase", **SMALL)
    assert refused.failure["problem"] == "another showcase is running"


def test_a_workspace_is_pinned_tagged_found_archived_and_deleted(toured):
    handle = workspace_of(run(toured, "showcase", **KEPT, seed=7))["workspace_id"]

    def does(action: str, **more: Any) -> Launched:
        return run(toured, "change_workspace", workspace=handle, action=action, **more)

    def handles_by(**by: Any) -> list[str]:
        return workspaces.listed(toured.stores, **by)["workspace_id"].to_list()

    assert does("annotate", tags=["autumn", "demo"], notes="look here").result.success
    assert handles_by(tags=["autumn", "demo"]) == [handle]
    assert handles_by(tags=["autumn", "spring"]) == []
    for job in (change_workspace, replay_workspace):
        opened = toured.instance.create_run_for_job(job, run_config=job.run_config)
        (op,) = opened.run_config["ops"].values()
        assert op["config"]["workspace"] == handle, "a Launchpad left as it opens is about the newest"
    does("pin")
    assert handles_by(sort="nonsense")[0] == handle
    assert does("annotate", tags=["t"] * 21).failure["problem"] == "21 tags"
    does("archive")
    assert handle not in handles_by(name="our")
    assert handle in handles_by(name="our", archived=True)
    does("delete")
    assert handle not in handles_by(archived=True)
    assert does("delete").failure["problem"] == f"there is no workspace '{handle}'"
    assert workspace_dataset(seed=7) in {row["name"] for row in toured.table("dataset")}


def test_the_record_of_a_dead_showcase_is_ended_once(toured):
    config = ShowcaseConfig(**KEPT)
    plan = showcase_config.validate(toured.stores, config)
    records.create(toured.stores, "showcase", plan, launch_id="dead-showcase", run_id="dead-showcase")
    handle = workspaces.create(toured.stores, config, "dead-showcase")
    with pytest.raises(ForecastError, match="is running"):
        workspaces.delete(toured.stores, handle)
    assert lifecycle.settle_orphan(KINDS, toured.stores, "dead-showcase")
    assert not lifecycle.settle_orphan(KINDS, toured.stores, "dead-showcase")
    assert workspaces.read(toured.stores, handle)["status"] == "failed"

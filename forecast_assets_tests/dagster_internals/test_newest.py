"""A Launchpad that is left as it opened is about what was added last, by name."""

from typing import Any

import dagster as dg
import pytest

from forecast_assets.errors import BadSetting
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets_tests.scenario import Place


@dg.op(
    config_schema={
        "dataset": str,
        "series": str,
        "batch": str,
        "workspace": dg.Field(str, is_required=False),
        "plans": dg.Field([str], is_required=False),
    }
)
def accept() -> None:
    """Take what the Launchpads of our jobs take."""


@dg.job(config=example("accept", dataset=NEWEST, series=NEWEST, batch=NEWEST))
def accepting() -> None:
    accept()


def stored(instance: dg.DagsterInstance, **fields: object) -> dict[str, object]:
    run = instance.create_run_for_job(accepting, run_config=example("accept", **fields))
    kept = instance.get_run_by_id(run.run_id)
    assert kept is not None
    assert kept.run_config == run.run_config
    ops: Any = kept.run_config["ops"]
    config: dict[str, object] = ops["accept"]["config"]
    return config


def test_a_run_is_stored_with_the_name_of_what_is_newest(batched_instance: dg.DagsterInstance) -> None:
    batched_instance.add_dynamic_partitions("datasets", ["older"])
    batched_instance.add_dynamic_partitions("datasets", ["a_newer"])
    batched_instance.add_dynamic_partitions(
        "series", ["a_newer__S2__P1", "a_newer__S1__P1", "aXnewer__A__P1"]
    )
    first = batched_instance.create_run_for_job(dg.GraphDefinition("g").to_job(name="batch"), run_config={})
    mine = {"dataset": "older", "series": NEWEST, "batch": NEWEST}
    assert stored(batched_instance, **mine) == {
        "dataset": "older",
        "series": "a_newer__S1__P1",
        "batch": first.run_id,
    }
    assert stored(batched_instance, dataset=NEWEST, series="s", batch="b")["dataset"] == "a_newer"


def test_a_cancelled_run_stays_so_whatever_its_process_reports_at_last(
    batched_instance: dg.DagsterInstance,
) -> None:
    run = batched_instance.create_run_for_job(
        accepting, run_config=example("accept", dataset="d", series="s", batch="b")
    )
    batched_instance.report_run_canceled(run)
    batched_instance.report_run_failed(run)
    kept = batched_instance.get_run_by_id(run.run_id)
    assert kept is not None
    assert kept.status == dg.DagsterRunStatus.CANCELED


@pytest.mark.parametrize(
    ("field", "newest", "problem"),
    [
        ("dataset", NEWEST, "no dataset yet"),
        ("series", NEWEST, "no dataset yet"),
        ("batch", NEWEST, "no batch yet"),
        ("workspace", NEWEST, "no showcase is kept as a workspace yet"),
        ("plans", [NEWEST], "0 plans to compare"),
    ],
)
def test_where_nothing_is_there_yet_the_launch_is_refused(
    place: Place, field: str, newest: object, problem: str
) -> None:
    fields = {"dataset": "x", "series": "x", "batch": "x", field: newest}
    with pytest.raises(BadSetting, match=problem):
        stored(place.instance, **fields)

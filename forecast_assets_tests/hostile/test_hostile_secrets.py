"""A secret of the environment: asked for in every field of every job, and found nowhere."""

from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from forecast_assets.dagster_internals import run_factory
from forecast_assets.dagster_internals.run_storage import check_plain
from forecast_assets.definitions import defs
from forecast_assets.errors import BadSetting
from forecast_assets_tests.scenario import shop

CANARY = "canary-90d2"
VARIABLE = "FORECAST_TEST_CANARY"
JOBS = sorted(job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__"))


@pytest.fixture(scope="module")
def place(open_place, tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        open_place(tmp_path_factory.mktemp("secrets")) as place,
    ):
        patch.setenv(VARIABLE, CANARY)
        place.add("shop", shop())
        assert place.build("shop").success
        yield place


def fields(job: Any) -> list[tuple[str, str]]:
    """Every field of the configuration of every op: the names of op and field."""
    return [
        (name, field)
        for name, shape in job.run_config_schema.config_type.fields["ops"].config_type.fields.items()
        for inner in [shape.config_type.fields.get("config")]
        if inner is not None
        for field in getattr(inner.config_type, "fields", {})
    ]


@pytest.mark.parametrize("job", JOBS)
def test_no_field_of_a_run_looks_a_variable_up(job, place):
    before = place.instance.get_runs_count()
    for op, field in fields(defs.resolve_job_def(job)):
        for value in ({"env": VARIABLE}, [{"env": VARIABLE}]):
            with pytest.raises((BadSetting, dg.DagsterInvalidConfigError)) as refused:
                run_factory.create(place.instance, job, {"ops": {op: {"config": {field: value}}}})
            assert CANARY not in str(refused.value)
    assert place.instance.get_runs_count() == before


@pytest.mark.parametrize(
    ("config", "tags", "named"),
    [
        ({"resources": {"registry": {"config": {"tracking_uri": "http://evil.example"}}}}, {}, "registry"),
        ({"resources": {"io_manager": {"config": {"base_dir": "/srv/incoming"}}}}, {}, "io_manager"),
        ({}, {"dagster-k8s/config": '{"container_config": {"image": "evil"}}'}, "dagster-k8s/config"),
        ({}, {"ecs/task_overrides": "{}"}, "ecs/task_overrides"),
    ],
)
def test_no_run_moves_a_store_or_chooses_its_container(place, config, tags, named):
    newest = {"ops": {"evaluate_stale_series": {"config": {"dataset": "shop"}}}}
    before = place.instance.get_runs_count()
    with pytest.raises(BadSetting, match=named):
        run_factory.create(place.instance, "evaluate_changed", newest | config, tags=tags)
    assert place.instance.get_runs_count() == before


def test_a_configuration_that_is_right_but_for_a_look_up_is_refused_with_its_place(place):
    config = {"ops": {"evaluate_stale_series": {"config": {"dataset": {"env": VARIABLE}}}}}
    with pytest.raises(BadSetting) as refused:
        run_factory.create(place.instance, "evaluate_changed", config)
    assert refused.value.problem == (
        "the run configuration reads an environment variable at 'ops:evaluate_stale_series:config:dataset'"
    )


@pytest.mark.parametrize(
    "config",
    [
        {"ops": {"evaluate": {"config": {"horizon": {"env": VARIABLE}}}}},
        {"loggers": {"console": {"config": {"log_level": {"env": VARIABLE}}}}},
        {"resources": {"io_manager": {"config": {"base_dir": {"env": VARIABLE}}}}},
        {"execution": {"config": {"multiprocess": {"max_concurrent": {"env": VARIABLE}}}}},
    ],
)
def test_no_other_part_of_a_configuration_does_so_either(config):
    with pytest.raises(BadSetting, match="reads an environment variable at") as refused:
        check_plain(config, {})
    assert CANARY not in str(refused.value)


def test_a_field_called_env_is_no_look_up():
    check_plain({"ops": {"evaluate": {"config": {"env": {"env": 3, "horizon": 14}}}}}, {})


def test_the_canary_is_in_no_row_and_no_file(place):
    with place.stores.warehouse._engine.connect() as connection:
        tables = connection.execute(
            sa.text(
                "select table_schema, table_name from information_schema.tables "
                "where table_type = 'BASE TABLE' and table_schema !~ '^(pg_|information_schema)'"
            )
        ).all()
        assert len(tables) > 20
        for schema, table in tables:
            rows = connection.execute(sa.text(f'select t::text from "{schema}"."{table}" t')).scalars()  # noqa: S608
            assert not [row for row in rows if CANARY in row], table
    files = [path for path in place.folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]

"""The code location loads as a whole, and everything in it introduces itself."""

import dagster as dg
import pytest

from forecast_assets.cli import demo
from forecast_assets.definitions import build_definitions, defs
from forecast_assets.failures import RETRY
from forecast_assets.launch_examples import example
from forecast_assets.registry.assets import FRESH, INTACT
from forecast_assets.registry.gates import QUALITY
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests import pictures

GRAPH = defs.resolve_asset_graph()
ASSETS = {key.path[-1]: GRAPH.get(key) for key in GRAPH.get_all_asset_keys()}
JOBS = {job.name: job for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
SENSORS = {sensor.name: sensor for sensor in defs.sensors or ()}
SCHEDULES = {schedule.name: schedule for schedule in defs.schedules or ()}
SPECS = [GRAPH.get_check_spec(key) for key in sorted(GRAPH.asset_check_keys)]

# The whole graph: each asset with what it is made from. docs/architecture.md draws it.
PARENTS = {
    "model_catalog": set(),
    "sales": set(),
    "panel": {"sales"},
    "data_quality": {"panel"},
    "global_forecasts": {"panel"},
    "backtest": {"panel", "global_forecasts"},
    "champion": {"backtest"},
    "production_models": {"panel", "champion"},
    "forecast": {"champion", "panel", "production_models"},
    "forecast_accuracy": {"panel", "forecast"},
    "order_proposal": {"forecast"},
    "leaderboard": {"backtest"},
    "heatmap": {"champion"},
    "registered_champion": {"champion", "panel", "production_models"},
    "live_models": {"registered_champion"},
    "report": {"champion", "forecast"},
    "drift": {"champion", "panel"},
    "model_health": {"champion", "drift", "forecast_accuracy"},
    "retraining_queue": {"model_health"},
    "ops_summary": {"model_health", "retraining_queue"},
    "incident_report": {"ops_summary"},
}
BY_SERIES = {"backtest", "champion", "forecast", "registered_champion", "drift"}
WHOLE = {"model_catalog", "ops_summary", "incident_report"}


def test_the_definitions_are_loadable():
    dg.Definitions.validate_loadable(defs)


def test_every_asset_is_made_from_what_the_graph_says():
    assert {name: {key.path[-1] for key in node.parent_keys} for name, node in ASSETS.items()} == PARENTS


def test_the_champions_page_leads_to_the_tables_that_are_searched_by_a_products_own_id():
    assert "(/assets/report)" in (ASSETS["champion"].description or "")


def test_the_picture_of_the_graph_shows_what_a_champion_is_made_from():
    upstream, names = {"champion"}, set[str]()
    while upstream:
        names |= upstream
        upstream = set().union(*(PARENTS[name] for name in upstream))
    groups = {ASSETS[name].group_name for name in names}
    words = {word for word in pictures.names_stored("lineage") if word.islower()}
    assert words == names | groups, "take docs/images/lineage.png again"


def test_the_picture_of_a_launchpad_shows_every_field_and_what_it_means():
    schema = JOBS["evaluate_changed"].graph.node_named("evaluate_stale_series").definition.config_schema
    fields = getattr(schema and schema.config_type, "fields", None) or {}
    meanings = pictures.without_figures(f"/* {field.description} */" for field in fields.values())
    words = pictures.stored()["launchpad"]["words"]
    assert len(meanings) > 10
    assert set(meanings) <= set(words), "take docs/images/launchpad.png again"
    shown = {word.partition(":")[0].strip("?") for word in words}
    assert fields.keys() <= shown


@pytest.mark.parametrize("name", sorted(PARENTS))
def test_every_asset_has_the_partitions_of_its_grain(name):
    node = ASSETS[name]
    if name in WHOLE:
        assert node.partitions_def is None
        return
    grain = "series" if name in BY_SERIES else "datasets"
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name=grain)
    assert (node.backfill_policy is not None) == (grain == "series"), "ranges of series are one run"


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_asset_says_what_it_is_whose_it_is_and_what_its_columns_mean(name):
    node = ASSETS[name]
    assert node.description
    assert node.owners
    assert node.kinds
    assert node.group_name != "default"
    columns = node.metadata["dagster/column_schema"].columns
    assert columns
    assert all(column.description for column in columns)


@pytest.mark.parametrize("name", sorted({*JOBS, *SENSORS, *SCHEDULES}))
def test_every_job_sensor_and_schedule_says_what_it_does(name):
    named = [kind[name] for kind in (JOBS, SENSORS, SCHEDULES) if name in kind]
    assert all(one.description for one in named)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_check_says_what_it_asks(spec):
    assert spec.description
    assert spec.blocking == (spec.name == "grain_is_unique"), "only rows that would count twice stop a run"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_check_of_a_dataset_says_of_which_one(spec):
    # The check of a step that reports thousands of series is of its run.
    partitions = (
        None if spec.asset_key.path[-1] in BY_SERIES else ASSETS[spec.asset_key.path[-1]].partitions_def
    )
    assert spec.partitions_def == partitions


def test_a_promotion_asks_every_check_of_the_data_and_folds_of_its_dataset():
    of_models = {"champions_hold", "distributions_hold", FRESH, INTACT}
    assert {name for _, name in QUALITY} == {spec.name for spec in SPECS} - of_models


@pytest.mark.parametrize("name", sorted(JOBS))
def test_every_step_of_every_job_retries_an_outage(name):
    nodes = list(JOBS[name].nodes)
    assert nodes
    for node in nodes:
        if isinstance(node.definition, dg.OpDefinition) and not _is_check(node.name):
            assert node.definition.retry_policy == RETRY, node.name


def _is_check(step):
    return any(step.endswith(spec.name) for spec in SPECS)


@pytest.mark.parametrize("name", sorted(JOBS))
def test_every_field_of_every_launchpad_explains_itself(name):
    for node in JOBS[name].nodes:
        schema = node.definition.config_schema
        fields = getattr(schema and schema.config_type, "fields", None) or {}
        if not _is_check(node.name):
            assert all(field.description for field in fields.values()), (node.name, fields.keys())


def test_the_demo_materializes_every_asset():
    jobs = ["build_dataset", "evaluate_series", "fit_production_models", "forecast_series"]
    jobs += ["register_champions", "drift_series", "watch_dataset"]
    of_jobs = {key.path[-1] for name in jobs for key in JOBS[name].asset_layer.selected_asset_keys}
    assert of_jobs | {*demo.OF_DATASET, *demo.OF_INSTANCE} == set(ASSETS)


@pytest.mark.parametrize("plan", demo.PLANS)
def test_the_demo_keeps_plans_that_its_job_takes(plan):
    asked = example("answer_what_if", series="s", save_as=plan, **demo.PLANS[plan])
    assert dg.validate_run_config(JOBS["what_if"], asked)


def test_resources_can_be_replaced():
    mine = StoresResource()
    replaced = build_definitions(stores=mine).resources
    assert replaced is not None
    assert replaced["stores"] is mine


@pytest.mark.parametrize("name", sorted(JOBS))
def test_every_launchpad_opens_with_an_example_that_dagster_accepts(name):
    job = JOBS[name]
    dg.validate_run_config(job, job.run_config or {})
    for op, opened in (job.run_config or {}).get("ops", {}).items():
        schema = job.graph.node_named(op).definition.config_schema
        fields = getattr(schema and schema.config_type, "fields", None) or {}
        assert fields
        assert {field for field, one in fields.items() if one.is_required} <= set(opened["config"])

"""The code location loads as a whole, and everything in it introduces itself."""

import dagster as dg
import pytest

from forecast_assets.definitions import build_definitions, defs
from forecast_assets.failures import RETRY
from forecast_assets.stores.resource import StoresResource

GRAPH = defs.resolve_asset_graph()
ASSETS = {key.path[-1]: GRAPH.get(key) for key in GRAPH.get_all_asset_keys()}


def test_the_definitions_are_loadable_and_name_every_stage():
    dg.Definitions.validate_loadable(defs)
    assert {"sales", "panel", "global_forecasts", "backtest", "champion"} <= set(ASSETS)
    assert {"build_dataset", "evaluate_series", "evaluate_changed"} <= {
        job.name for job in defs.resolve_all_job_defs()
    }


def test_the_stages_follow_each_other():
    parents = {name: {key.path[-1] for key in node.parent_keys} for name, node in ASSETS.items()}
    assert parents["sales"] == set()
    assert parents["panel"] == {"sales"}
    assert parents["global_forecasts"] == {"panel"}
    assert parents["backtest"] == {"panel", "global_forecasts"}
    assert parents["champion"] == {"backtest"}


@pytest.mark.parametrize("name", ["sales", "panel", "global_forecasts"])
def test_datasets_are_partitioned_by_dataset(name):
    assert ASSETS[name].partitions_def == dg.DynamicPartitionsDefinition(name="datasets")


@pytest.mark.parametrize("name", ["backtest", "champion"])
def test_results_are_partitioned_by_series_and_take_ranges(name):
    assert ASSETS[name].partitions_def == dg.DynamicPartitionsDefinition(name="series")
    assert ASSETS[name].backfill_policy is not None


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


def test_every_check_says_what_it_asks():
    specs = [spec for check in defs.asset_checks or () for spec in check.check_specs]
    assert {"grain_is_unique", "gaps", "coverage", "no_leakage"} <= {spec.name for spec in specs}
    assert all(spec.description for spec in specs)
    assert [spec.name for spec in specs if spec.blocking] == ["grain_is_unique"]


def test_every_step_retries_an_outage():
    steps = {*ASSETS, "evaluate", "evaluate_stale_series"}
    nodes = [node for job in defs.resolve_all_job_defs() for node in job.nodes if node.name in steps]
    assert {node.name for node in nodes} == steps - {"backtest", "champion"}  # one step: evaluate
    for node in nodes:
        assert isinstance(node.definition, dg.OpDefinition)
        assert node.definition.retry_policy == RETRY, node.name


def test_resources_can_be_replaced():
    mine = StoresResource()
    replaced = build_definitions(stores=mine).resources
    assert replaced is not None
    assert replaced["stores"] is mine

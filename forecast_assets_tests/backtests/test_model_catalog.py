"""The catalogue shows every candidate as it is."""

import dagster as dg

from forecast_assets.backtests.model_catalog import model_catalog, rows
from forecast_assets.forecasting.core.candidates.catalogue import CATALOGUE, DEFAULT
from forecast_assets_tests.dagit import unbroken


def test_every_model_type_is_shown_with_bounds_and_what_it_costs():
    catalog_rows = rows()
    assert {row["model_type"] for row in catalog_rows} == set(CATALOGUE)
    assert {row["model_type"] for row in catalog_rows if row["default"]} == set(DEFAULT)
    moving = next(row for row in catalog_rows if row["model_type"] == "moving_average")
    assert moving["parameters"] == "window_size (a whole number from 1 to 90, or none)"
    assert all(row["description"] and row["cost"] > 0 for row in catalog_rows)
    assert {row["scope"] for row in catalog_rows if row["model_type"] == "lightgbm"} == {"global", "series"}


def test_a_package_that_is_not_installed_disables_its_candidates():
    enabled = {row["model_type"]: row["enabled"] for row in rows()}
    assert enabled["ets"]
    assert enabled["xgboost"]
    assert not enabled["auto_ets"]


def test_dagit_shows_it_as_a_table():
    result = dg.materialize([model_catalog])
    (event,) = result.asset_materializations_for_node("model_catalog")
    table = event.metadata["candidates"]
    assert isinstance(table, dg.TableMetadataValue)
    assert len(table.records) == len(rows())
    shown = [one for one in event.metadata.values() if isinstance(one, dg.TableMetadataValue)]
    assert all(unbroken(one) <= 57 for one in shown), "more runs off the right edge at 1400 pixels"

"""A restricted candidate is left out with its reason, whichever series are in the run."""

from forecast_assets.backtests.evaluation import plan
from forecast_assets_tests.scenario import QUICK, many

RESTRICTED = QUICK.model_copy(update={"restrict": ("moving_average: top 2",)})


def statuses(place):
    rows = [row for row in place.table("backtest_metric") if row["candidate"] == "moving_average"]
    return {row["series"]: (row["status"], row["reason"]) for row in rows}


def test_only_the_top_series_of_the_dataset_run_it_however_the_runs_are_cut(place, monkeypatch):
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    place.prepare("many", many(6), evaluation=RESTRICTED)
    keys = sorted(row["series"] for row in place.table("series"))
    for key in keys:
        assert place.evaluate(key).success
    rows = place.table("availability")
    assert {row["revenue"] for row in rows} == {None}, "without a price nobody knows the revenue"
    units = {row["series"]: row["average_daily_demand"] * row["observed_days"] for row in rows}
    top = sorted(keys, key=lambda key: -units[key])[:2]
    status_by_series = statuses(place)
    assert {key for key, (status, _) in status_by_series.items() if status == "ranked"} == set(top)
    assert {reason for status, reason in status_by_series.values() if status != "ranked"} == {
        "left out: it runs only for the top 2 by units (no price is known)"
    }
    assert {status for status, _ in status_by_series.values()} == {"ranked", "excluded"}
    work = plan(place.stores, "many", None, changes={})
    assert not work.stale.any(), "the same rule gives the same fingerprints for all series together"

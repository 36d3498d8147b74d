"""Presets and holidays on the command line."""

import pytest

from forecast_assets.datasets.presets.catalogue import Preset

DEMO = ("dataset", "add", "demo", "--preset", "demo_minimal", "--stores", "1", "--products", "2")


def test_presets_can_be_read_before_one_is_chosen(cli):
    rows = cli("dataset", "presets", "--format", "json").rows
    assert [row["preset"] for row in rows] == list(Preset)
    assert all(row["title"] and row["size"] and row["expected"] and row["seconds"] for row in rows)


def test_a_preset_is_added_with_its_overrides_and_shown(cli):
    added = cli(*DEMO, "--end", "2025-06-30", "--holidays", "DE", "--effects", "yearly,returns")
    assert added.code == 0, added.err
    (details,) = cli("dataset", "show", "demo", "--format", "json").rows
    assert details["source"] == "preset demo_minimal with seed 42"
    assert details["days"] == "2025-03-31 to 2025-06-30"
    assert details["holidays"] == "DE"
    (listed,) = cli("dataset", "list", "--format", "json").rows
    assert (listed["name"], listed["series"]) == ("demo", 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "sparse", "--stores", "0"], "stores = 0"),
        (["--preset", "sparse", "--effects", "rain"], "effects"),
        (["--preset", "sparse", "--path", "sales.csv"], "has one source"),
        (["--preset", "sparse", "--units", "sold"], "brings its own columns"),
        (["--preset", "holiday_rush", "--start", "2025-10-01", "--end", "2025-12-31"], "would be lost"),
        (["--path", "sales.csv", "--window-days", "100"], "--window-days only says something of a preset"),
        (["--preset", "demo_minimal", "--holidays", "XX"], "no country 'XX'"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_its_name(cli, arguments, message):
    refused = cli("dataset", "add", "demo", *arguments)
    assert refused.code == 2
    assert message in refused.err
    assert " -> " in refused.err
    assert cli("dataset", "list", "--format", "json").rows == []

"""Tables that no content can break."""

import datetime as dt

import pytest

from forecast_assets.dagster_internals import own_location
from forecast_assets.rendering.addresses import own_page
from forecast_assets.rendering.digits import figure
from forecast_assets.rendering.markdown import cell, markdown
from forecast_assets.rendering.tables import chosen_table, links, schema, table


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (1234.567, "1,234.57"),
        (0.0, "0.00"),
        (1234, "1,234"),
        (True, "True"),
        (dt.date(2026, 2, 3), "2026-02-03"),
        (dt.datetime(2026, 2, 3, 4, 5, 6, tzinfo=dt.UTC), "2026-02-03 04:05"),
        ("a|b", r"a\|b"),
        ("a\nb\r\nc", "a b  c"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("[free](https://evil.example)", r"\[free](https://evil.example)"),
        ("`code`", "'code'"),
        ("![x](data:text/html,y)", r"!\[x](data:text/html,y)"),
        ("ends with \\", "ends with \\\\"),
        ("a\\|b", r"a\\\|b"),
        ("=1+1", "=1+1"),
        ("naïve 🥐", "naïve 🥐"),
    ],
)
def test_a_cell_shows_its_value_and_nothing_else(value, expected):
    assert cell(value) == expected


def test_a_markdown_table_has_as_many_lines_and_columns_as_rows_and_names():
    rows: list[dict[str, object]] = [
        {"series": "a|b\nc", "mean_wape": 12.345, "extra": 1},
        {"series": None, "mean_wape": None},
    ]
    assert markdown(rows, ["series", "mean_wape"]).split("\n") == [
        "| series | mean wape |",
        "|---|---|",
        r"| a\|b c | 12.3 |",
        "| - | - |",
    ]


def test_no_rows_are_a_short_line():
    assert markdown([], ["series"]) == "nothing to show"


def test_a_table_for_dagit_knows_its_types_and_keeps_nulls_empty():
    rows: list[dict[str, object]] = [
        {"series": "a", "rank": None, "wape": None, "day": dt.date(2026, 1, 1)},
        {"series": "b", "rank": 1, "wape": 12.3456, "day": None},
    ]
    dagit_table = table(rows, ["series", "rank", "wape", "day"])
    assert [record.data for record in dagit_table.records] == [
        {"series": "a", "rank": None, "wape": None, "day": "2026-01-01"},
        {"series": "b", "rank": 1, "wape": 12.3, "day": None},
    ]
    assert {column.name: column.type for column in dagit_table.schema.columns} == {
        "series": "string",
        "rank": "int",
        "wape": "float",
        "day": "string",
    }


def test_figures_in_dagit_have_the_digits_of_a_listing_and_small_ones_stay():
    rows = [{"wape": 19.32271, "bias": -0.00553, "total": 2409.871}, {"wape": 8.0, "bias": 0.2, "total": 0.0}]
    assert [record.data for record in table(rows, list(rows[0])).records] == [
        {"wape": 19.3, "bias": -0.006, "total": 2410.0},
        {"wape": 8.0, "bias": 0.2, "total": 0.0},
    ]
    single = {"wape": 19.32271, "bias": 0.00002, "expected_bias": -0.0055, "total": 2409.871, "share": 0.0}
    assert {name: figure(name, value) for name, value in single.items()} == {
        "wape": 19.3, "bias": 0.00002, "expected_bias": -0.005, "total": 2410.0, "share": 0.0,
    }  # fmt: skip


def test_an_empty_table_still_has_its_columns():
    assert [column.name for column in table([], ["series", "wape"]).schema.columns] == ["series", "wape"]


def test_a_schema_is_written_in_words():
    (column,) = schema(wape="float: in percent: 0 to 100").columns
    assert (column.name, column.type, column.description) == ("wape", "float", "in percent: 0 to 100")


def test_dagit_shows_minutes_and_short_run_ids_in_the_columns_of_the_terminal():
    rows: list[dict[str, object]] = [
        {
            "item_id": 1,
            "series": "a",
            "status": "failed",
            "wape": None,
            "run_id": "efb6bd05-c6b0-448b-9353-31164cfcf55c",
            "at": dt.datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=dt.UTC),
        }
    ]
    (record,) = table(rows, ["run_id", "at"]).records
    assert record.data == {"run_id": "efb6bd05", "at": "2026-02-03 04:05"}
    assert [one.name for one in chosen_table("batch-items", rows).schema.columns] == [
        "series",
        "status",
        "item_id",
    ]
    assert len(chosen_table("batch-items", []).schema.columns) > 4


def test_links_lead_where_they_say_and_stay_within_what_dagit_shows_at_once():
    text = links([("[free](https://evil.example)", "/runs/1"), ("nowhere", None), ("b", "/runs/2")]).value
    assert text == r"[\[free\](https://evil.example)](/runs/1) · [b](/runs/2)"
    assert 500 < len(links([("series", f"/runs/{n}") for n in range(1000)]).value or "") < 1000
    assert links([]).value == "none"


def test_links_to_dagit_follow_its_port_and_keep_its_prefix(monkeypatch):
    monkeypatch.setenv("FORECAST_DAGIT_URL", "https://plan.example/dagit")
    pages = [("mine", "https://plan.example/dagit/runs/1"), ("other", "https://elsewhere.example/runs/1")]
    assert links(pages).value == "[mine](/dagit/runs/1) · [other](https://elsewhere.example/runs/1)"
    assert own_page("/runs/1") == "/dagit/runs/1"
    assert (
        own_page(own_location.launchpad("retrain"))
        == f"/dagit/locations/{own_location.MODULE}/jobs/retrain/playground"
    )

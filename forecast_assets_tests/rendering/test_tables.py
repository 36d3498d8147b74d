"""Tables that no content can break."""

import datetime as dt

import pytest

from forecast_assets.rendering.tables import cell, markdown, schema, table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (1234.567, "1,234.57"),
        (0.0, "0.00"),
        (1234, "1234"),
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
def test_a_cell_shows_its_value_and_nothing_else(value, shown):
    assert cell(value) == shown


def test_a_markdown_table_has_as_many_lines_and_columns_as_rows_and_names():
    rows: list[dict[str, object]] = [
        {"series": "a|b\nc", "mean_wape": 12.345, "extra": 1},
        {"series": None, "mean_wape": None},
    ]
    assert markdown(rows, ["series", "mean_wape"]).split("\n") == [
        "| series | mean wape |",
        "|---|---|",
        r"| a\|b c | 12.35 |",
        "| - | - |",
    ]


def test_no_rows_are_a_short_line():
    assert markdown([], ["series"]) == "nothing to show"


def test_a_table_for_dagit_knows_its_types_and_keeps_nulls_empty():
    rows: list[dict[str, object]] = [
        {"series": "a", "rank": None, "wape": None, "day": dt.date(2026, 1, 1)},
        {"series": "b", "rank": 1, "wape": 12.3456, "day": None},
    ]
    made = table(rows, ["series", "rank", "wape", "day"])
    assert [record.data for record in made.records] == [
        {"series": "a", "rank": None, "wape": None, "day": "2026-01-01"},
        {"series": "b", "rank": 1, "wape": 12.35, "day": None},
    ]
    assert {column.name: column.type for column in made.schema.columns} == {
        "series": "string",
        "rank": "int",
        "wape": "float",
        "day": "string",
    }


def test_an_empty_table_still_has_its_columns():
    assert [column.name for column in table([], ["series", "wape"]).schema.columns] == ["series", "wape"]


def test_a_schema_is_written_in_words():
    (column,) = schema(wape="float: in percent: 0 to 100").columns
    assert (column.name, column.type, column.description) == ("wape", "float", "in percent: 0 to 100")

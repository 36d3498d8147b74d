"""Files for other programs, read back by other programs."""

import csv
import datetime as dt
import io
import json
import math

import polars as pl
import pytest

from forecast_assets.rendering.export import as_csv, as_json

FRAME = pl.DataFrame(
    {
        "series": ["shop__A__P1", "=1+1", "a,b", 'say "no"', None],
        "wape": [12.5, math.nan, None, math.inf, -0.5],
        "days": [1, 2, None, 4, 5],
        "folds": [[1.0, None], [], None, [math.nan], [2.0]],
        "day": [dt.date(2026, 1, 1)] * 5,
        "at": [dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)] * 5,
    }
)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_ends_lines_as_rfc_4180_says():
    text = as_csv(FRAME)
    assert text.count("\r\n") == 6
    assert "\n" not in text.replace("\r\n", "")


def test_csv_read_back_is_what_was_written():
    rows = read(as_csv(FRAME))
    assert [row["days"] for row in rows] == ["1", "2", "", "4", "5"]
    assert [row["series"] for row in rows][2:] == ["a,b", 'say "no"', ""]
    assert json.loads(rows[0]["folds"]) == [1.0, None]
    assert (rows[0]["day"], rows[0]["at"]) == ("2026-01-01", "2026-01-02T03:04:05+0000")


SIGNS = [*"=+-@", *map(chr, (0xFF1D, 0xFF0B, 0xFF0D, 0xFF20, 0xFE66, 0xFE62, 0xFE63, 0xFE6B, 0x2212))]
BLANKS = ["", " ", "  ", "\t", "\n", *map(chr, (0xA0, 0x3000, 0x200B, 0xFEFF, 0x202E, 0))]


@pytest.mark.parametrize("start", [blank + sign for blank in BLANKS for sign in SIGNS] + ["\t", "\r", "\n"])
@pytest.mark.parametrize("kind", [pl.String, pl.Categorical])
def test_a_text_that_a_spreadsheet_would_execute_is_disarmed(start, kind):
    frame = pl.DataFrame({"note": [f"{start}cmd|' /C calc'!A0", f"fine{start}"]}, schema={"note": kind})
    first, second = read(as_csv(frame))
    assert first["note"].startswith("'")
    assert second["note"] in {f"fine{start}", f"fine{start[:1]}'{start[1:]}"}


@pytest.mark.parametrize("start", [blank + sign for blank in BLANKS for sign in SIGNS])
def test_a_formula_behind_a_semicolon_or_tab_is_disarmed(start):
    frame = pl.DataFrame({"note": [f"a;{start}1", f"a\t{start}1;b"], "list": [[";=1"], ["a;b"]]})
    first, second = read(as_csv(frame))
    assert first["note"] == f"a;'{start}1"
    assert second["note"].startswith("a\t'")
    assert second["list"] == '["a;b"]'
    assert json.loads(first["list"]) == [";'=1"]


def test_the_name_of_a_column_is_disarmed_alike():
    assert list(read(as_csv(pl.DataFrame({"=1+1": [1], " @x": [2], "units": [3]})))[0]) == [
        "'=1+1",
        "' @x",
        "units",
    ]


def test_a_negative_number_is_no_formula():
    assert read(as_csv(FRAME))[4]["wape"] == "-0.5"


def test_what_is_no_number_is_empty_in_csv_and_null_in_json():
    assert [row["wape"] for row in read(as_csv(FRAME))] == ["12.5", "", "", "", "-0.5"]
    assert [row["wape"] for row in json.loads(as_json(FRAME))] == [12.5, None, None, None, -0.5]
    assert [row["folds"] for row in json.loads(as_json(FRAME))] == [[1.0, None], [], None, [None], [2.0]]


def test_json_keeps_formulas_and_other_alphabets_as_they_are():
    rows = json.loads(as_json(pl.DataFrame({"series": ["=1+1", "crème 🥐"], "static": [{"a": 1}, {"a": 2}]})))
    assert rows == [{"series": "=1+1", "static": {"a": 1}}, {"series": "crème 🥐", "static": {"a": 2}}]


def test_no_rows_are_a_header_or_an_empty_list():
    empty = FRAME.clear()
    assert as_csv(empty) == "series,wape,days,folds,day,at\r\n"
    assert json.loads(as_json(empty)) == []

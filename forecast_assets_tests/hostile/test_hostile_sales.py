"""Bad cells through every door: what is refused, in which words, and what is accepted on purpose."""

import datetime as dt
from dataclasses import dataclass

import polars as pl
import pytest

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.sources import FileSource
from forecast_assets.errors import BadKey
from forecast_assets.keys import check_id
from forecast_assets_tests.hostile.doors import (
    CALLED,
    DOORS,
    FILES,
    KEY,
    NUMBER,
    TODAY,
    problem,
    read,
    spoilt,
    three_days,
    through,
)

NO_DAY = "S1 / P1"


@dataclass(frozen=True)
class Cell:
    """One bad cell; ``place`` is where it is when rows have no line."""

    name: str
    column: str
    value: object
    what: str
    place: str = KEY
    has_value: bool = True
    doors: tuple[str, ...] = DOORS

    def sentence(self, door: str) -> str:
        place = "line 3" if door == "csv" else self.place
        text = door == "csv" or isinstance(self.value, str)
        value = repr(str(self.value)) if text else str(self.value)
        location = f"{place} ({value})" if self.has_value and place else place or value
        return f"{CALLED[door]}: column {self.column!r} {self.what}: {location}"


FOREIGN = "holds ids that nobody could read"
COMMA = "holds thousand separators or decimal commas"
NO_DATE = "holds what is not a date"


CELLS = [
    *(
        Cell(f"id {name}", column, value, FOREIGN, place="")
        for column in ("store_id", "product_id")
        for name, value in {
            "only a space": " ",
            "a NUL": "S\x001",
        }.items()
    ),
    Cell("id empty", "store_id", "", "is empty", place="no store / P1", has_value=False),
    Cell("id null", "product_id", None, "is empty", place="S1 / no product", has_value=False),
    Cell("date d/m", "date", "13/01/2024", NO_DATE, place=NO_DAY),
    Cell("date m/d", "date", "01/13/2024", NO_DATE, place=NO_DAY),
    Cell("date in words", "date", "yesterday", NO_DATE, place=NO_DAY),
    Cell("date without zeros", "date", "2024-1-2", NO_DATE, place=NO_DAY),
    Cell("date without dashes", "date", "20240102", NO_DATE, place=NO_DAY),
    Cell("date that no calendar has", "date", "2023-02-29", NO_DATE, place=NO_DAY),
    Cell("date in year 10000", "date", "10000-01-01", NO_DATE, place=NO_DAY),
    Cell("date late in the evening", "date", "2024-01-02 23:59:00", "holds a time of day", place=NO_DAY),
    Cell("date with a zone", "date", "2024-01-02T00:00:00+02:00", "holds a time zone", place=NO_DAY),
    Cell("date with Z", "date", "2024-01-02T00:00:00Z", "holds a time zone", place=NO_DAY),
    Cell("date null", "date", None, "has no date", place=NO_DAY, has_value=False),
    Cell("date empty", "date", "", "has no date", place=NO_DAY, has_value=False),
    Cell("units negative", "units", -2, "is negative"),
    Cell("units infinite", "units", float("inf"), "is infinite"),
    Cell("units negative infinite", "units", float("-inf"), "is infinite"),
    Cell("units 1e308", "units", 1e308, "is above 1e9"),
    Cell("units text", "units", "abc", NUMBER),
    Cell("units in hexadecimal", "units", "0x10", NUMBER),
    Cell("units in Arabic digits", "units", "\u0661", NUMBER),
    Cell("units with underscore", "units", "1_0", NUMBER),
    Cell("units with currency", "units", "$5", NUMBER),
    Cell("units true", "units", "true", "holds true/false instead of numbers"),
    Cell("units 1,234", "units", "1,234", COMMA),
    Cell("units 1.234,5", "units", "1.234,5", COMMA),
    Cell("units 1 234", "units", "1 234", COMMA),
    Cell("units 1'234", "units", "1'234", COMMA),
    Cell("units 3,5", "units", "3,5", COMMA),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_one_bad_cell_is_named_with_its_place(cell, door, tmp_path):
    source = through(door, tmp_path, spoilt(cell.column, cell.value))
    assert problem(source) == cell.sentence(door)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("store_id", "007", "007"),
        ("store_id", "nan", "nan"),
        ("store_id", "None", "None"),
        ("product_id", "1.0", "1.0"),
        ("date", "2024-02-29", dt.date(2024, 2, 29)),
        ("date", "2024-01-05T00:00:00", dt.date(2024, 1, 5)),
        ("date", "2024-01-05 00:00:00.000000", dt.date(2024, 1, 5)),
        ("date", "1970-01-01", dt.date(1970, 1, 1)),
        ("units", None, None),
        ("units", "", None),
        ("units", float("nan"), None),
        ("units", 0, 0.0),
        ("units", 2.5, 2.5),
        ("units", "2.5", 2.5),
        ("units", "1e3", 1000.0),
        ("units", " 7 ", 7.0),
        ("units", 10**9, 1e9),
        ("units", "NA", None),
    ],
)
def test_unusual_cells_that_mean_one_thing_are_accepted(column, value, expected, door, tmp_path):
    frames = read(through(door, tmp_path, spoilt(column, value)))
    values = [
        got for store, frame in frames.items() for got in frame.insert_column(0, _named(store, frame))[column]
    ]
    assert expected in values


def _named(store: str, frame: pl.DataFrame) -> pl.Series:
    return pl.Series("store_id", [store] * len(frame), pl.String)


def test_text_that_looks_like_a_number_keeps_its_zeros(tmp_path):
    assert set(read(through("csv", tmp_path, spoilt("store_id", "00123")))) == {"S1", "00123"}


@pytest.mark.parametrize("door", FILES)
def test_whole_numbers_are_ids(door, tmp_path):
    rows = [[1, 20, dt.date(2024, 1, 1), 3], [2, 10, dt.date(2024, 1, 1), 4]]
    assert {
        store: frame["product_id"].to_list() for store, frame in read(through(door, tmp_path, rows)).items()
    } == {
        "1": ["20"],
        "2": ["10"],
    }


@pytest.mark.parametrize("door", FILES)
def test_ids_read_as_floats_are_refused(door, tmp_path):
    rows = [[1.0, "P1", dt.date(2024, 1, 1), 3]]
    message = problem(through(door, tmp_path, rows))
    assert message == f"{CALLED[door]}: column 'store_id' holds double, and ids may not be rounded"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("one", "other"), [("S1", "s1"), ("aB", "Ab")])
def test_ids_that_differ_by_case_are_a_typo(one, other, door, tmp_path):
    rows = [[one, "P1", dt.date(2024, 1, 1), 3], [other, "P1", dt.date(2024, 1, 1), 3]]
    what = "holds ids that differ only by case, blanks or Unicode form"
    pair = f"{one!r} and {other!r}"
    named_as = f"line 3 ({pair})" if door == "csv" else pair
    assert problem(through(door, tmp_path, rows)) == f"{CALLED[door]}: column 'store_id' {what}: {named_as}"


@pytest.mark.parametrize("length", [30, 64, 10_000])
def test_a_long_id_has_a_short_form_in_keys(length, tmp_path):
    frame = read(through("csv", tmp_path, spoilt("product_id", "x" * length)))["S1"]
    assert max(map(len, frame["product_id"].cast(pl.String).to_list())) <= 27
    assert frame["original_product_id"].to_list().count("x" * length) == 1


def test_datasets_of_early_releases_keep_the_keys_of_long_ids(tmp_path):
    room = 63 - len("shop__S1__")
    kept = read(through("csv", tmp_path, spoilt("product_id", "x" * room), map_ids=False))["S1"]
    assert "x" * room in kept["product_id"].to_list()
    longer = through("csv", tmp_path, spoilt("product_id", "x" * (room + 1)), map_ids=False)
    assert "longer than 63 characters: S1 / xxx" in problem(longer)


def test_a_dataset_name_that_cannot_be_a_key_is_refused_before_reading(tmp_path):
    with pytest.raises(BadKey, match="dataset name 'my shop'"):
        CanonicalReader(FileSource(path=tmp_path), dataset="my shop", today=TODAY)


ANY_TEXT = {
    "a space": "S 1",
    "a comma": "S,1",
    "a slash": "S/1",
    "a colon": "S:1",
    "dots": "a...b",
    "a separator": "a__b",
    "a path": "../../etc",
    "a newline": "S\n1",
    "a quote": 'S"1',
    "an injection": "'; drop table",
    "a formula": "=1+1",
    "an emoji": "S\U0001f600",
    "an NFC letter": "caf\u00e9",
    "a right-to-left mark": "S1x\u200f",
    "an Arabic digit": "\u0661",
    "a float in text": "1.",
    "10,000 letters": "x" * 10_000,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("text", ANY_TEXT.values(), ids=ANY_TEXT)
def test_any_text_is_an_id_with_a_form_for_keys(text, door, tmp_path):
    frames = read(through(door, tmp_path, spoilt("store_id", text)))
    (key,) = set(frames) - {"S1"}
    check_id("store id", key)
    assert len(key) <= 29
    assert frames[key]["original_store_id"].to_list() == [text]
    assert "original_store_id" not in frames["S1"].columns


def test_a_key_depends_on_its_own_id_alone(tmp_path):
    alone = set(read(through("csv", tmp_path, [["K\u00f6ln", "P1", dt.date(2024, 1, 1), 3]])))
    rows = [[store, "P1", dt.date(2024, 1, 1), 3] for store in ("A", "Koln", "K\u00f6ln", "Z 9")]
    assert alone < set(read(through("csv", tmp_path, rows)))


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        (["7.0", "8.0"], {2: "'7.0'", 3: "'8.0'"}),
        (["7", "7.0"], {3: "'7.0'"}),
        (["4.01235E+12", "x"], {2: "'4.01235E+12'"}),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_ids_that_were_floats_once_are_refused_as_text_too(ids, named, door, tmp_path):
    rows = [["S1", one, dt.date(2024, 1, 1), 3] for one in ids]
    lines = [f"line {line} ({one})" if door == "csv" else one for line, one in named.items()]
    sentence = f"{CALLED[door]}: column 'product_id' holds ids that were read as floats: {', '.join(lines)}"
    assert problem(through(door, tmp_path, rows)) == sentence


def test_forms_for_keys_do_not_hide_twins(tmp_path):
    rows = [["caf\u00e9", "P1", dt.date(2024, 1, 1), 3], ["cafe\u0301", "P1", dt.date(2024, 1, 1), 3]]
    assert "differ only by case, blanks or Unicode form" in problem(through("csv", tmp_path, rows))


def test_ids_that_fit_into_keys_add_no_columns(tmp_path):
    assert read(through("csv", tmp_path, three_days()))["S1"].columns == [
        "product_id",
        "date",
        "units",
    ]

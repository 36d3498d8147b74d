"""Canonical sales: the same sales give the same frames and hash, however they arrive."""

import datetime as dt
import random
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.datasets import validation
from forecast_assets.datasets.canonical import CanonicalReader, SalesSummary
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.errors import BadSales
from forecast_assets_tests.hostile.doors import DOORS, NAMES, through

TODAY = dt.date(2024, 6, 1)
ROLES = Columns(price="eur", promo="deal", closed="shut", known_future=("rain",), static=("region",))
WIDE = (*NAMES, "eur", "deal", "shut", "rain", "region")
FIRST = dt.date(2024, 1, 1)


def wide() -> list[list[object]]:
    """Two stores; day n sold n; S2's region changes, and one planned day follows the last sale."""
    rows: list[list[object]] = []
    for store, product in (("S2", "P1"), ("S1", "P2"), ("S1", "P1")):
        for day in range(1, 5):
            region = ("north", "south") if store == "S2" else ("east", "east")
            sold = None if day == 4 else day
            date = FIRST + dt.timedelta(days=day)
            rows.append([store, product, date, sold, 1.5, day % 2, int(day == 2), 0.1 * day, region[day > 2]])
    return rows


def reader(source, **kept) -> CanonicalReader:
    return CanonicalReader(source, dataset="shop", today=TODAY, **kept)


def hashed(source) -> str:
    opened = reader(source)
    list(opened)
    return opened.content_hash


@pytest.mark.parametrize("door", DOORS)
def test_stores_come_sorted_with_canonical_columns(door, tmp_path):
    frames = dict(reader(through(door, tmp_path, wide(), WIDE, columns=ROLES)))
    assert list(frames) == ["S1", "S2"]
    assert dict(frames["S1"].schema) == {
        "product_id": pl.Categorical,
        "date": pl.Date,
        "units": pl.Float32,
        "price": pl.Float32,
        "promo": pl.Float32,
        "rain": pl.Float32,
        "region": pl.String,
    }
    assert frames["S1"]["product_id"].to_list() == ["P1"] * 4 + ["P2"] * 4
    assert frames["S1"]["date"].to_list() == [FIRST + dt.timedelta(days=day) for day in (1, 2, 3, 4)] * 2
    assert frames["S2"]["units"].to_list() == [1, None, 3, None]
    assert frames["S2"]["promo"].to_list() == [1, 0, 1, 0]


def test_the_newest_static_value_wins_and_changes_are_counted(tmp_path):
    opened = reader(through("csv", tmp_path, wide(), WIDE, columns=ROLES))
    assert dict(opened)["S2"]["region"].to_list() == ["south"] * 4
    assert opened.summary == SalesSummary(
        rows=12,
        series=3,
        stores=2,
        first_day=dt.date(2024, 1, 2),
        last_day=dt.date(2024, 1, 4),
        null_units=6,
        changed_static={"region": 1},
        mapped_ids=0,
    )


def test_a_missing_static_value_does_not_replace_a_known_one(tmp_path):
    rows = wide()
    rows[3][-1] = None
    assert dict(reader(through("csv", tmp_path, rows, WIDE, columns=ROLES)))["S2"]["region"][0] == "south"


def test_the_hash_does_not_depend_on_the_door(tmp_path):
    hashes = {hashed(through(door, tmp_path, wide(), WIDE, columns=ROLES)) for door in DOORS}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("place", "value"), [(0, "S3"), (1, "P9"), (2, FIRST), (3, 9), (4, 9.5), (8, "west")]
)
def test_the_hash_notices_every_column(place, value, tmp_path):
    rows = wide()
    before = hashed(through("csv", tmp_path, rows, WIDE, columns=ROLES))
    rows[7][place] = value
    assert hashed(through("csv", tmp_path, rows, WIDE, columns=ROLES)) != before


def test_nothing_is_known_before_the_end(tmp_path):
    opened = reader(through("csv", tmp_path, wide(), WIDE))
    next(iter(opened))
    with pytest.raises(RuntimeError):
        _ = opened.summary
    with pytest.raises(RuntimeError):
        _ = opened.content_hash


def test_a_reader_may_be_used_twice(tmp_path):
    opened = reader(through("csv", tmp_path, wide(), WIDE))
    list(opened)
    before = opened.summary, opened.content_hash
    list(opened)
    assert (opened.summary, opened.content_hash) == before


@pytest.mark.parametrize("rows_per_batch", [1, 5, 100])
@pytest.mark.parametrize("group", [1, 3, 100])
def test_batches_and_row_groups_leave_no_trace(rows_per_batch, group, tmp_path, monkeypatch):
    rows = wide()
    expected = dict(reader(through("parquet", tmp_path, rows, WIDE, columns=ROLES)))
    random.Random(3).shuffle(rows)  # noqa: S311 - order, not secrets
    source = through("parquet", tmp_path, rows, WIDE, columns=ROLES)
    pl.read_parquet(source.path).write_parquet(source.path, row_group_size=group)
    monkeypatch.setattr(validation, "ROWS_PER_BATCH", rows_per_batch)
    got = dict(reader(source))
    assert list(got) == list(expected)
    assert all(got[store].equals(expected[store]) for store in expected)


def test_offenders_of_a_late_batch_are_still_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "ROWS_PER_BATCH", 1)
    rows = [[f"S{n}", "P1", FIRST, -n] for n in range(1, 6)]
    with pytest.raises(BadSales, match=r"line 2 \('-1'\).*line 6 \('-5'\)"):
        list(reader(through("csv", tmp_path, rows)))


def test_stores_of_clean_batches_come_before_the_refusal(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "ROWS_PER_BATCH", 1)
    stores = iter(reader(through("csv", tmp_path, [["S1", "P1", FIRST, 1], ["S2", "P1", FIRST, -1]])))
    assert next(stores)[0] == "S1"
    with pytest.raises(BadSales):
        next(stores)


def test_a_folder_names_the_file_of_each_line(tmp_path):
    for name, units in (("a", 1), ("b", -1)):
        (tmp_path / f"{name}.csv").write_text(
            f"store_id,product_id,date,units\nS1,{name},2024-01-01,{units}\n"
        )
    with pytest.raises(BadSales, match=r"column 'units' is negative: line 2 of b.csv \('-1'\)"):
        list(reader(FileSource(path=tmp_path)))


def test_a_negative_price_is_refused_with_its_line_and_may_be_a_number_of_another_kind(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text("store_id,product_id,date,units,price\nS1,P1,2024-01-01,1,2\nS1,P1,2024-01-02,1,-2\n")
    with pytest.raises(BadSales, match=r"column 'price' holds a negative price: line 3 \('-2'\)"):
        list(reader(FileSource(path=path, columns=Columns(price="price"))))
    list(
        reader(FileSource(path=path, columns=Columns(known_future=("price",), declared={"price": "number"})))
    )


def test_a_duplicate_across_files_names_both(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("store_id,product_id,date,units\nS1,P1,2024-01-01,1\n")
    with pytest.raises(BadSales, match=r"line 2 of a.csv and line 2 of b.csv \(S1 / P1 / 2024-01-01\)"):
        list(reader(FileSource(path=tmp_path)))


def test_parquet_files_of_a_folder_may_differ_in_types(tmp_path):
    days = [FIRST]
    pl.DataFrame({"store_id": [1], "product_id": ["a"], "date": days, "units": [1]}).write_parquet(
        tmp_path / "a.parquet"
    )
    pl.DataFrame(
        {"store_id": ["1"], "product_id": ["b"], "date": ["2024-01-01"], "units": [2.5]}
    ).write_parquet(tmp_path / "b.parquet")
    assert dict(reader(FileSource(path=tmp_path)))["1"]["units"].to_list() == [1, 2.5]


IDS = st.from_regex(r"[A-Z0-9]{1,4}([._-][A-Z0-9]{1,3}){0,2}", fullmatch=True)
UNITS = st.one_of(st.none(), st.integers(0, 10**6), st.floats(0, 1e6, width=32))
SALES = st.dictionaries(
    st.tuples(IDS, IDS, st.dates(dt.date(2020, 1, 1), TODAY)), UNITS, min_size=1, max_size=30
).map(lambda sales: [[*key, units] for key, units in sales.items()])
FEW = settings(max_examples=40, deadline=None, database=None)


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return list(one) == list(other) and all(one[store].equals(other[store]) for store in one)


@FEW
@given(SALES, st.randoms(use_true_random=False), st.sampled_from(DOORS))
def test_shuffled_rows_give_the_same_frames_and_hash(rows, chance, door):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        before = reader(through(door, Path(one), rows))
        chance.shuffle(rows)
        after = reader(through(door, Path(other), rows))
        assert same(dict(before), dict(after))
        assert before.content_hash == after.content_hash


@FEW
@given(SALES)
def test_every_door_gives_the_same(rows):
    with tempfile.TemporaryDirectory() as folder:
        readers = [reader(through(door, Path(folder), rows)) for door in DOORS]
        frames = [dict(opened) for opened in readers]
        assert same(frames[0], frames[1])
        assert same(frames[0], frames[2])
        assert len({opened.content_hash for opened in readers}) == 1


@FEW
@given(SALES, st.data())
def test_one_spoilt_cell_is_always_named(rows, data):
    row = data.draw(st.integers(0, len(rows) - 1))
    place, value = data.draw(
        st.sampled_from([(0, "a\0b"), (1, "  "), (2, "31.12."), (3, -1), (3, "1,5"), (3, "many")])
    )
    rows[row][place] = value
    door = data.draw(st.sampled_from(DOORS))
    with tempfile.TemporaryDirectory() as folder, pytest.raises(BadSales) as refused:
        list(reader(through(door, Path(folder), rows)))
    assert f"column {NAMES[place]!r}" in refused.value.problem
    assert repr(str(value))[1:-1] in refused.value.problem
    if door == "csv":
        assert f"line {row + 2} " in refused.value.problem

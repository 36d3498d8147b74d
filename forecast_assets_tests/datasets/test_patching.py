"""Loads that read what changed only: the same sales, hash, summary and files as when everything is read."""

import datetime as dt
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from forecast_assets.datasets import building, freezing
from forecast_assets.datasets.definition import DatasetOptions, Snapshot
from forecast_assets.datasets.deliveries import Comparison
from forecast_assets.datasets.freezing import Frozen
from forecast_assets.datasets.patching import Before, NotPatchable, PatchedReader, before_of
from forecast_assets.datasets.sources import Columns, FileSource, Source, SqlSource
from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.opening import SourceFile
from forecast_assets.datasets.tallies import read_reading, reading_path
from forecast_assets.errors import BadSales, BadSetting, Outage
from forecast_assets.forecasting.core.frequency import FREQUENCIES
from forecast_assets.stores.lake import Lake
from forecast_assets_tests.scenario import TODAY, Place, shop

START, HISTORY, NIGHTS = dt.date(2026, 1, 5), 14, 6
DAILY = DatasetOptions(frequency="day", trust=("price", "closed"))
PLAIN = Columns()
RICH = Columns(price="price", closed="closed")
STATIC = Columns(static=("brand",))
Days = dict[int, pl.DataFrame]


def one_day(draw: random.Random, day: int) -> pl.DataFrame:
    """Rows of a day in any order; some series have none, some ids have another form in keys."""
    ids = [(store, product) for store in ("A", "B b", "C") for product in ("P1", "P2", "Q 3", f"N{day // 9}")]
    rows = [
        {
            "store_id": store,
            "product_id": product,
            "date": START + dt.timedelta(days=day),
            "units": draw.choice([0, 1, 2.5, None, 3]),
            "price": draw.choice([1.5, 2.0, None]),
            "closed": draw.choice([0, 0, 0, 1]),
            "brand": draw.choice([None, f"brand of {product}"]),
        }
        for store, product in draw.sample(ids, k=10)
    ]
    return pl.DataFrame(rows, schema_overrides={"units": pl.Float64, "price": pl.Float64, "brand": pl.String})


def as_days(folder: Path, days: Days, kind: str) -> None:
    """One file per day."""
    for file in folder.iterdir():
        file.unlink()
    for day, rows in days.items():
        path = folder / f"{day:03}.{kind}"
        rows.write_csv(path) if kind == "csv" else rows.write_parquet(path)


def as_one_file(folder: Path, days: Days, kind: str) -> None:
    """All days in one file, the newest at its end."""
    rows = pl.concat([days[day] for day in sorted(days)])
    path = folder / f"all.{kind}"
    rows.write_csv(path) if kind == "csv" else rows.write_parquet(path, row_group_size=30)


def as_table(folder: Path, days: Days, kind: str) -> None:
    """A table of a database, in which every day that is written anew gets a newer version."""
    with sqlite3.connect(folder / f"sales.{kind}") as database:
        names = days[max(days)].columns
        database.execute(f"create table if not exists sales ({', '.join(names)}, version)")
        places = {str(START + dt.timedelta(days=day)): rows for day, rows in days.items()}
        text = ", ".join(names)
        query = f"select {text} from sales order by rowid"  # noqa: S608
        stored: dict[str, list[tuple[Any, ...]]] = {}
        for row in database.execute(query):
            stored.setdefault(row[names.index("date")], []).append(row)
        newest = database.execute("select coalesce(max(version), 0) + 1 from sales").fetchone()[0]
        for day in stored.keys() | places.keys():
            rows = places[day].with_columns(pl.col("date").cast(pl.String)).rows() if day in places else []
            if rows != stored.get(day, []):
                database.execute("delete from sales where date = ?", [day])
                marks = ", ".join("?" * (len(names) + 1))
                insert = f"insert into sales values ({marks})"  # noqa: S608
                database.executemany(insert, [(*row, newest) for row in rows])
    database.close()


def source_of(layout: Callable[..., None], folder: Path, columns: Columns) -> Source:
    if layout is not as_table:
        return FileSource(path=str(folder), columns=columns)
    url = f"sqlite:///{folder}/sales.db"
    return SqlSource(url=url, query="select * from sales;", columns=columns, change_column="version")


def changed(draw: random.Random, days: Days, *, removes: bool) -> None:
    """A new day, and often an older one that was corrected or is gone."""
    days[max(days) + 1] = one_day(draw, max(days) + 1)
    what = draw.choice(["nothing", "corrected", "gone"]) if removes else "nothing"
    if what == "corrected":
        day = draw.choice(list(days))
        days[day] = one_day(draw, day)
    elif what == "gone":
        days.pop(draw.choice(list(days)))


def frozen(
    lake: Lake, source: Source, run_id: str, before: Before | None = None, compared: Comparison | None = None
) -> Frozen:
    folder = f"sales/shop/{run_id}"
    return freezing.freeze(
        lake, source, "shop", DAILY, folder=folder, today=TODAY, before=before, compared=compared
    )


def taken(lake: Lake, compared: Comparison, before: Frozen, now: Frozen) -> list[pl.DataFrame]:
    """What two deliveries are compared by, with the products' names."""
    pairs = ((compared.before, before), (compared.now, now))
    deliveries = [reader.or_read(lake, lake.list(sales.folder)).delivery(0) for reader, sales in pairs]
    names = {number: text for text, number in compared.numbers.items()}
    product = pl.col("product").replace_strict(names, return_dtype=pl.String)
    frames = [frame for one in deliveries for frame in (one.cells, one.series)]
    return [frame.with_columns(product, pl.col("store").cast(pl.String)).sort(pl.all()) for frame in frames]


def remembered(lake: Lake, source: Source, last: Frozen) -> Before:
    """What the next load is given of ``last``."""
    assert last.reading is not None
    last.reading.write(lake, last.folder, source)
    row = freezing.snapshot_row("shop", last, mark=None, run_id="r")
    before = before_of(lake, source, Snapshot(**row))
    assert before is not None
    return before


def contents(lake: Lake, folder: str) -> dict[str, list[str]]:
    """All rows of every store as they would print, every float to its last digit."""
    tables = {file.rsplit("/", 1)[-1]: lake.read_table(file) for file in lake.list(folder)}
    return {store: [repr(row) for row in table.to_pylist()] for store, table in tables.items()}


@pytest.fixture
def patched(monkeypatch) -> list[bool]:
    """Grows by one for every load that was completed from the one before."""
    times: list[bool] = []
    finish = PatchedReader.finish

    def counted(self: PatchedReader, *arguments: Any) -> None:
        finish(self, *arguments)
        if isinstance(self, PatchedReader):
            times.append(True)

    monkeypatch.setattr(PatchedReader, "finish", counted)
    return times


@pytest.mark.parametrize(
    ("layout", "kind", "columns", "least"),
    [
        (as_days, "csv", RICH, NIGHTS),
        (as_days, "parquet", PLAIN, NIGHTS),
        (as_days, "csv", STATIC, 1),
        (as_one_file, "csv", PLAIN, 1),
        (as_one_file, "csv", STATIC, 1),
        (as_one_file, "parquet", RICH, 1),
        (as_table, "db", RICH, NIGHTS // 2),
        (as_table, "db", STATIC, 1),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_load_of_what_changed_leaves_what_a_full_load_leaves(  # noqa: PLR0917 - one value each
    tmp_path, patched, layout: Callable[..., None], kind: str, columns: Columns, least: int, seed: int
):
    draw, lake, feed = random.Random(seed), Lake(str(tmp_path / "lake")), tmp_path / "feed"  # noqa: S311
    feed.mkdir()
    days = {day: one_day(draw, day) for day in range(HISTORY)}
    source = source_of(layout, feed, columns)
    layout(feed, days, kind)
    last = frozen(lake, source, "0")
    for night in range(1, NIGHTS + 1):
        before = remembered(lake, source, last)
        changed(draw, days, removes=columns != STATIC and layout is not as_one_file)
        layout(feed, days, kind)
        whole = frozen(lake, source, "whole")
        compared, read = (Comparison(before.snapshot.last_day, FREQUENCIES["day"]) for _ in range(2))
        earlier, last = last, frozen(lake, source, str(night), before, compared)
        pairs = zip(taken(lake, compared, earlier, last), taken(lake, read, earlier, whole), strict=True)
        assert all(one.equals(other) for one, other in pairs)
        assert last.content_hash == whole.content_hash
        assert (last.summary, last.noted) == (whole.summary, whole.noted)
        assert contents(lake, last.folder) == contents(lake, whole.folder)
    assert len(patched) >= least


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The names of the files whose rows are read, as often as they are opened for it."""
    names: list[str] = []
    parts_of = FileSource.parts_of

    def noted(self: FileSource, file: SourceFile, needed: list[str], ids: list[str]) -> Iterator[Part]:
        names.append(file.name)
        return parts_of(self, file, needed, ids)

    monkeypatch.setattr(FileSource, "parts_of", noted)
    return names


def test_a_parquet_file_is_opened_once_however_many_row_groups_it_has(tmp_path: Path, opened: list[str]):
    rows = pl.DataFrame(
        {
            "store": "S",
            "product": [f"P{at:03d}" for at in range(50)],
            "date": dt.date(2024, 1, 1),
            "units": 1.0,
        }
    )
    rows.write_parquet(tmp_path / "sales.parquet", row_group_size=2)
    columns = Columns(store="store", product="product", date="date", units="units")
    parts = list(FileSource(path=str(tmp_path / "sales.parquet"), columns=columns).parts())
    assert [part.read(["product"]).num_rows for part in parts] == [2] * 25
    assert opened == ["sales.parquet"]


def test_a_night_reads_the_file_that_came_and_the_one_that_was_corrected(place: Place, opened: list[str]):
    feed = place.folder / "feed"
    feed.mkdir()
    rows = shop()
    for (day,), some in rows.group_by("date"):
        some.write_csv(feed / f"{day}.csv")
    source = FileSource(path=str(feed))
    building.add_dataset(place.stores, "shop", source, DatasetOptions(), TODAY)
    first, last = rows.select(pl.col("date").min(), last=pl.col("date").max()).row(0)
    newest = last + dt.timedelta(days=1)
    corrected = rows.filter(pl.col("date") == first).with_columns(pl.col("units") + 1)
    corrected.write_csv(feed / f"{first}.csv")
    corrected.with_columns(date=pl.lit(newest)).write_csv(feed / f"{newest}.csv")
    opened.clear()
    loaded = building.load_sales(place.stores, "shop", run_id="night", today=TODAY)
    assert opened == [f"{first}.csv", f"{newest}.csv"]
    assert loaded.snapshot.last_day == newest
    assert loaded.snapshot.row_count == rows.height + corrected.height
    opened.clear()
    building.load_sales(place.stores, "shop", run_id="again", today=TODAY, force=True)
    assert len(opened) == rows["date"].n_unique() + 1


def test_a_day_that_two_files_hold_is_refused_with_the_lines_of_both(tmp_path):
    lake, feed = Lake(str(tmp_path / "lake")), tmp_path / "feed"
    feed.mkdir()
    draw = random.Random(3)  # noqa: S311
    days = {day: one_day(draw, day) for day in range(HISTORY)}
    as_days(feed, days, "csv")
    source = FileSource(path=str(feed))
    last = frozen(lake, source, "0")
    before = remembered(lake, source, last)
    days[3].write_csv(feed / "099.csv")
    with pytest.raises(BadSales, match=r"line \d+ of 003\.csv and line \d+ of 099\.csv"):
        frozen(lake, source, "1", before)
    assert not lake.list("sales/shop/1")
    with pytest.raises(NotPatchable, match="twice"):
        list(PatchedReader(source, dataset="shop", today=TODAY, lake=lake, before=before))


def test_digests_of_other_sales_or_of_another_source_are_not_used(tmp_path):
    lake, feed = Lake(str(tmp_path / "lake")), tmp_path / "feed"
    feed.mkdir()
    draw = random.Random(4)  # noqa: S311
    as_days(feed, {day: one_day(draw, day) for day in range(HISTORY)}, "csv")
    source = FileSource(path=str(feed))
    last = frozen(lake, source, "0")
    remembered(lake, source, last)
    assert read_reading(lake, last.folder, source, last.content_hash) == last.reading
    assert read_reading(lake, last.folder, source, "other sales") is None
    other = source.model_copy(update={"columns": RICH})
    assert read_reading(lake, last.folder, other, last.content_hash) is None
    freezing.forget_files(lake, last.folder)
    assert not lake.list(reading_path(last.folder))


def test_text_that_grew_is_cut_where_it_ended_and_read_whole_where_its_beginning_changed(tmp_path):
    path = tmp_path / "all.csv"
    draw = random.Random(5)  # noqa: S311
    days = {day: one_day(draw, day) for day in range(3)}
    source = FileSource(path=str(path))
    as_one_file(tmp_path, {0: days[0]}, "csv")
    first = source.pieces()
    as_one_file(tmp_path, {0: days[0], 1: days[1]}, "csv")
    both = source.pieces(first)
    assert [piece.begin for piece in both] == [0, next(iter(first)).end]
    (appended,) = list(both.values())[1]()
    assert appended.read(["units"]).num_rows == days[1].height
    as_one_file(tmp_path, {0: days[0].reverse(), 1: days[1], 2: days[2]}, "csv")
    (again,) = source.pieces(both)
    assert (again.begin, again in both) == (0, False)
    with path.open("a") as stream:
        stream.write("a line without its end")
    (open_ended,) = source.pieces()
    assert open_ended.end == 0


def test_a_night_reads_the_weeks_of_a_query_in_which_its_change_column_changed(place: Place):
    rows = shop()
    first, last = rows.select(pl.col("date").min(), last=pl.col("date").max()).row(0)
    count = (last - first).days + 1
    as_table(
        place.folder, {day: rows.filter(date=first + dt.timedelta(days=day)) for day in range(count)}, "db"
    )
    source = source_of(as_table, place.folder, Columns()).model_copy(
        update={"query": "select * from sales where product_id <> 'a:b%c'"}
    )
    building.add_dataset(place.stores, "shop", source, DatasetOptions(), TODAY)
    again = building.load_sales(place.stores, "shop", run_id="idle", today=TODAY)
    assert again.why == "the source has not changed since the last load"
    mark = source.mark()
    with sqlite3.connect(place.folder / "sales.db") as database:
        database.execute("update sales set units = units + 1, version = 2 where date = ?", [str(last)])
        database.execute("update sales set units = units + 1 where date = ?", [str(first)])
    database.close()
    assert source.mark() != mark
    night = building.load_sales(place.stores, "shop", run_id="night", today=TODAY)
    whole = building.load_sales(place.stores, "shop", run_id="whole", today=TODAY, force=True)

    def sold(loaded: building.Loaded) -> dict[dt.date, float]:
        frames = [place.stores.lake.read_table(file) for file in loaded.snapshot.files(place.stores.lake)]
        days = pl.concat(pl.DataFrame(frame).select("date", "units") for frame in frames)
        return dict(days.group_by("date").sum().rows())

    before = dict(rows.group_by("date").agg(pl.col("units").sum()).rows())
    assert sold(night)[last] == sold(whole)[last] > before[last]
    assert sold(night)[first] == before[first] < sold(whole)[first]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("update sales set version = null where date = '2026-01-06'", "'version' is empty in 10 rows"),
        ("alter table sales rename column version to edition", "no column 'version'"),
    ],
)
def test_a_change_column_that_says_nothing_is_refused(tmp_path, change: str, message: str):
    draw = random.Random(6)  # noqa: S311
    as_table(tmp_path, {day: one_day(draw, day) for day in range(HISTORY)}, "db")
    with sqlite3.connect(tmp_path / "sales.db") as database:
        database.execute(change)
    database.close()
    with pytest.raises((BadSales, BadSetting), match=message):
        frozen(Lake(str(tmp_path / "lake")), source_of(as_table, tmp_path, PLAIN), "0")


def test_a_change_column_says_more_than_the_sales_themselves():
    with pytest.raises(BadSetting, match="a column of the sales itself"):
        SqlSource(url="env:SALES_DB", query="select 1", change_column="units")


def test_rows_of_a_week_that_came_while_a_query_was_read_are_an_outage(tmp_path):
    draw = random.Random(7)  # noqa: S311
    days = {day: one_day(draw, day) for day in range(HISTORY)}
    as_table(tmp_path, days, "db")
    source = source_of(as_table, tmp_path, PLAIN)
    opened = list(source.pieces().values())
    as_table(tmp_path, days | {HISTORY: one_day(draw, HISTORY)}, "db")
    with pytest.raises(Outage, match="came while it was read"):
        list(opened[0]())

"""Sales of a night as the change of those before: the same rows in few bytes, whole again by themselves."""

import datetime as dt
from io import BytesIO

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.datasets import building, increments, panel_changes, panels
from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.increments import change_of, write_sales
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.stores.lake import Lake
from forecast_assets_tests.scenario import DAYS, TODAY, Place, shop
from forecast_assets_tests.stores.test_retention import trimmed

UNITS = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5, float("nan")]))
ROWS = st.dictionaries(
    st.tuples(st.sampled_from(["A", "B", "B-2", "Z"]), st.integers(0, 9)),
    st.tuples(UNITS, UNITS, st.sampled_from(["north", "south"])),
    min_size=1,
)


def canonical(rows: dict[tuple[str, int], tuple[float | None, float | None, str]]) -> pl.DataFrame:
    ordered = sorted(rows)
    return pl.DataFrame(
        {
            "product_id": pl.Series([product for product, _ in ordered], dtype=pl.Categorical),
            "date": [dt.date(2024, 1, 1) + dt.timedelta(days=day) for _, day in ordered],
            "units": pl.Series([rows[key][0] for key in ordered], dtype=pl.Float32),
            "price": pl.Series([rows[key][1] for key in ordered], dtype=pl.Float32),
            "region": pl.Series([rows[key][2] for key in ordered], dtype=pl.String),
        }
    )


@settings(deadline=None, max_examples=60)
@given(states=st.lists(ROWS, min_size=2, max_size=4), most=st.sampled_from([0.0, 0.5, 10.0]))
def test_any_sequence_of_appends_corrections_and_removals_reads_as_it_was(tmp_path_factory, states, most):
    lake, limit = Lake(str(tmp_path_factory.mktemp("lake"))), increments.MOST_CHANGED
    base = None
    try:
        increments.MOST_CHANGED = most
        for night, rows in enumerate(states):
            path, frame = f"sales/shop/{night}/S.parquet", canonical(rows)
            is_change = write_sales(lake, path, frame, base)
            whole, some = lake.read_table(path), lake.read_table(path, columns=["date", "units"])
            assert pl.DataFrame(whole).equals(frame, null_equal=True)
            assert pl.DataFrame(some).equals(frame.select("date", "units"), null_equal=True)
            assert lake.base_of(path) == (base if is_change else path)
            base = lake.base_of(path)
    finally:
        increments.MOST_CHANGED = limit


def panel_of(draw: np.random.Generator, series: list[str], days: int, cells: dict[str, np.ndarray]) -> Panel:
    """Some series with ``days`` days; what a series had before stays, but for a correction now and then."""
    for key in series:
        old = cells.get(key, draw.integers(0, 3, 0).astype(np.float32))
        new = draw.choice(np.array([0, 1, 2, np.nan], np.float32), max(0, days - len(old)))
        cells[key] = np.concatenate([old[:days], new])
        if draw.random() < 0.1:
            cells[key] = cells[key].copy()
            cells[key][draw.integers(days)] = 7
    matrix = np.stack([cells[key] for key in series])
    return Panel(
        series=np.array(series),
        start=dt.date(2024, 1, 1),
        units=matrix,
        known={"price": np.pad(matrix, ((0, 0), (0, 3)), constant_values=2)},
        static={"region": np.array([draw.choice(["north", "south"]) for _ in series], np.str_)},
    )


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([0.0, 0.5, 10.0]))
def test_any_sequence_of_panels_reads_as_it_was_made(tmp_path_factory, seed, most):
    lake, limit = Lake(str(tmp_path_factory.mktemp("lake"))), panel_changes._MOST_WRITTEN
    draw, base, cells = np.random.default_rng(seed), None, dict[str, np.ndarray]()
    try:
        panel_changes._MOST_WRITTEN = most
        for night in range(4):
            some = sorted(
                draw.choice([f"d__S__P{n:02d}" for n in range(40)], draw.integers(1, 40), replace=False)
            )
            made = panel_of(draw, some, int(draw.integers(1, 30)), cells)
            path = f"panels/shop/{night}"
            is_change = panels.write(lake, f"{path}/S.parquet", made, base)
            whole, few = panels.read(lake, path), panels.read(lake, path, some[::3])
            for one, read in ((made, whole), (made.take(np.arange(len(some))[::3]), few)):
                assert one.content_hashes() == read.content_hashes()
                assert one.series.tolist() == read.series.tolist()
                np.testing.assert_array_equal(one.units, read.units)
                np.testing.assert_array_equal(one.known["price"], read.known["price"])
            assert panel_changes.base_of(lake, f"{path}/S.parquet") == (
                base if is_change else f"{path}/S.parquet"
            )
            base = panel_changes.base_of(lake, f"{path}/S.parquet")
    finally:
        panel_changes._MOST_WRITTEN = limit


def test_what_differs_in_its_columns_is_written_as_a_whole():
    base = canonical({("A", day): (1.0, None, "north") for day in range(100)})
    assert change_of(base, base.drop("price")) is None
    few = change_of(base, base.with_columns(units=pl.lit(2.0, pl.Float32)).head(1).vstack(base.tail(99)))
    assert few is not None
    assert few.height == 2  # one row that is gone, one in its place


@pytest.fixture
def nights(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A dataset, and four nights of one more day each."""
    monkeypatch.setattr(increments, "MOST_CHANGED", 10)
    place.add("shop", shop(DAYS - 4))
    for day in (3, 2, 1, 0):
        place.write("shop", shop(DAYS - day))
        building.load_sales(place.stores, "shop", run_id=f"night-{day}", today=TODAY)
    return place


def written(place: Place, folder: str) -> int:
    """Rows in the files of a folder, as they were written."""
    lake = place.stores.lake
    return sum(pq.read_metadata(BytesIO(lake.read_bytes(file))).num_rows for file in lake.list(folder))


def test_a_night_writes_what_it_brought_and_its_base_stays_as_long_as_it_is_needed(nights: Place):
    snapshots = {row["run_id"]: row for row in nights.table("snapshot")}
    first = next(row for name, row in snapshots.items() if not name.startswith("night"))
    newest = snapshots["night-0"]
    assert newest["bases"] == [first["sales_path"]]
    assert 0 < written(nights, newest["sales_path"]) < newest["row_count"] / 5
    whole = [nights.stores.lake.read_table(file) for file in nights.stores.lake.list(newest["sales_path"])]
    trimmed(nights, apply=True, snapshots=1)
    assert [row["run_id"] for row in nights.table("snapshot")] == ["night-0"]
    folders = {"/".join(path.split("/")[:3]) for path in nights.files("sales")}
    assert folders == {newest["sales_path"], first["sales_path"]}
    again = [nights.stores.lake.read_table(file) for file in nights.stores.lake.list(newest["sales_path"])]
    assert again == whole


def test_a_night_extends_the_panel_and_its_base_stays_as_long_as_it_is_needed(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(panel_changes, "_MOST_WRITTEN", 10)
    place.add("shop", shop(DAYS - 1))
    place.build("shop")
    place.write("shop", shop())
    assert place.build("shop").success
    older, newest = sorted(place.table("snapshot"), key=lambda row: row["created_at"])
    assert newest["panel_bases"] == [older["panel_path"]]
    extended = read_panel(place.stores, load(place.stores, "shop"))
    trimmed(place, apply=True, snapshots=1)
    assert read_panel(place.stores, load(place.stores, "shop")).content_hashes() == extended.content_hashes()
    place.stores.lake.delete(older["panel_path"])
    place.build("shop", force=True)
    assert [row["panel_bases"] for row in place.table("snapshot")] == [[]]
    assert read_panel(place.stores, load(place.stores, "shop")).content_hashes() == extended.content_hashes()


def test_a_load_by_force_needs_no_older_sales(nights: Place):
    before = load(nights.stores, "shop").snapshot
    assert before is not None
    nights.stores.lake.delete(before.bases[0])
    nights.build("shop", force=True)
    after = load(nights.stores, "shop").snapshot
    assert after is not None
    assert (after.hash, after.bases) == (before.hash, [])
    assert len(after.files(nights.stores.lake)) == after.store_count

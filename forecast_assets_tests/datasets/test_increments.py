"""Sales of a night as the change of those before: the same rows in few bytes, whole again by themselves."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.datasets import building, increments
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.increments import change_of, write_sales
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


def sizes(place: Place) -> dict[str, int]:
    return {
        row["run_id"]: sum(file.size for file in place.stores.lake.files(row["sales_path"]))
        for row in place.table("snapshot")
    }


def test_a_night_writes_what_it_brought_and_its_base_stays_as_long_as_it_is_needed(nights: Place):
    snapshots = {row["run_id"]: row for row in nights.table("snapshot")}
    first = next(row for name, row in snapshots.items() if not name.startswith("night"))
    newest = snapshots["night-0"]
    assert newest["bases"] == [first["sales_path"]]
    assert sizes(nights)["night-0"] < sizes(nights)[first["run_id"]]
    whole = [nights.stores.lake.read_table(file) for file in nights.stores.lake.list(newest["sales_path"])]
    trimmed(nights, apply=True, snapshots=1)
    assert [row["run_id"] for row in nights.table("snapshot")] == ["night-0"]
    folders = {"/".join(path.split("/")[:3]) for path in nights.files("sales")}
    assert folders == {newest["sales_path"], first["sales_path"]}
    again = [nights.stores.lake.read_table(file) for file in nights.stores.lake.list(newest["sales_path"])]
    assert again == whole


def test_a_load_by_force_needs_no_older_sales(nights: Place):
    before = load(nights.stores, "shop").snapshot
    assert before is not None
    nights.stores.lake.delete(before.bases[0])
    nights.build("shop", force=True)
    after = load(nights.stores, "shop").snapshot
    assert after is not None
    assert (after.hash, after.bases) == (before.hash, [])
    assert len(after.files(nights.stores.lake)) == after.store_count

"""From rows to a dense matrix: what a missing row, a closed day and a plan row become."""

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.datasets.panels import Calendar, densify, read, write
from forecast_assets.errors import UnknownName
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.plans import Role
from forecast_assets.stores.lake import Lake

FIRST = dt.date(2026, 1, 1)
NAN = float("nan")


def day(n: int) -> dt.date:
    return FIRST + dt.timedelta(days=n)


def rows(product: str, units: Mapping[int, float | None], **columns) -> pl.DataFrame:
    """Rows of one product: day number -> units."""
    return pl.DataFrame(
        {
            "product_id": [product] * len(units),
            "date": [day(n) for n in units],
            "units": pl.Series(list(units.values()), dtype=pl.Float32),
            **columns,
        }
    ).with_columns(pl.col("product_id").cast(pl.Categorical))


def dense(
    frame: pl.DataFrame,
    *,
    days: int = 8,
    planned: int = 8,
    known: Mapping[str, Role] | None = None,
    **options,
) -> tuple[Panel, pl.DataFrame]:
    calendar = Calendar(FIRST, day(days - 1), day(planned - 1))
    launch = options.get("launch", "first_sale")
    return densify(frame, "S1", dataset="d", calendar=calendar, known=known or {}, launch=launch)


@pytest.mark.parametrize("launch", ["first_sale", "first_row"])
def test_a_missing_row_is_zero_and_a_row_without_units_is_unknown(launch):
    panel, _ = dense(rows("P1", {1: 3, 2: None, 5: 7}), launch=launch)
    np.testing.assert_array_equal(panel.units, [[NAN, 3, NAN, 0, 0, 7, NAN, NAN]])


def test_zeros_before_the_first_sale_are_not_history_unless_the_first_row_counts():
    frame = rows("P1", {0: 0, 1: 0, 2: 4, 3: 0})
    np.testing.assert_array_equal(dense(frame)[0].units, [[NAN, NAN, 4, 0, NAN, NAN, NAN, NAN]])
    np.testing.assert_array_equal(
        dense(frame, launch="first_row")[0].units, [[0, 0, 4, 0, NAN, NAN, NAN, NAN]]
    )


def test_a_row_without_units_before_the_first_sale_or_after_the_last_one_is_not_a_closed_day():
    for launch in ("first_sale", "first_row"):
        panel, counts = dense(rows("P1", {0: None, 2: 4, 3: 5, 5: None}), launch=launch)
        np.testing.assert_array_equal(panel.units, [[NAN, NAN, 4, 5, NAN, NAN, NAN, NAN]])
        assert counts["closed_days"].to_list() == [0]


def test_a_series_that_never_sold_is_unknown_throughout_and_has_no_days():
    panel, counts = dense(rows("P1", {0: 0, 1: 0, 2: None}))
    assert np.isnan(panel.units).all()
    assert counts.to_dicts() == [
        {
            "series": "d__S1__P1",
            "first_day": None,
            "last_day": None,
            "last_sale": None,
            "ended": False,
            "observed_days": 0,
            "expected_days": 0,
            "missing_days": 0,
            "closed_days": 0,
            "zero_sale_days": 0,
            "promotion_days": None,
            "average_daily_demand": None,
            "demand_class": None,
            "revenue": None,
            "left_out_days": 0,
        }
    ]


def test_days_are_counted_from_the_first_sale_to_the_newest_day_of_the_dataset():
    promo = [1, 1, 0, 1, 0, 1, 1]
    frame = pl.concat(
        [
            rows("P1", {0: 0, 1: 6, 2: None, 3: 0, 6: 3, 7: None, 9: None}, promo=promo),
            rows("P2", {4: 2}, promo=[None]),
        ]
    )
    _, counts = dense(frame, days=8, planned=10, known={"promo": "flag"})
    assert counts.to_dicts() == [
        {
            "series": "d__S1__P1",
            "first_day": day(1),
            "last_day": day(6),
            "last_sale": day(6),
            "ended": False,
            "observed_days": 4,
            "expected_days": 7,
            # Of the days 4 and 5 the store delivered the one on which P2 sold, and it delivers zeros.
            "missing_days": 1,
            "closed_days": 1,
            "zero_sale_days": 2,
            "promotion_days": 2,
            "average_daily_demand": 2.25,
            "demand_class": "intermittent",
            "revenue": None,
            "left_out_days": 0,
        },
        {
            "series": "d__S1__P2",
            "first_day": day(4),
            "last_day": day(4),
            "last_sale": day(4),
            "ended": False,
            "observed_days": 1,
            "expected_days": 4,
            "missing_days": 0,
            "closed_days": 0,
            "zero_sale_days": 0,
            "promotion_days": 0,
            "average_daily_demand": 2.0,
            "demand_class": "smooth",
            "revenue": None,
            "left_out_days": 0,
        },
    ]


def test_plan_rows_after_the_newest_day_reach_the_known_columns_only():
    frame = rows("P1", {0: 1, 2: 2, 3: None, 4: None}, price=[1.5, 2.5, 3.5, None])
    panel, _ = dense(frame, days=3, planned=5, known={"price": "price"})
    np.testing.assert_array_equal(panel.units, [[1, 0, 2]])
    np.testing.assert_array_equal(panel.known["price"], np.array([[1.5, 1.5, 2.5, 3.5, NAN]], np.float32))
    assert panel.future_days == 2


def test_a_series_whose_rows_all_lie_outside_the_calendar_is_kept_and_empty():
    calendar = Calendar(day(3), day(5), day(5))
    frame = rows("P1", {0: None, 1: None}, family=["bread", "bread"])
    panel, counts = densify(frame, "S1", dataset="d", calendar=calendar, known={}, launch="first_sale")
    assert np.isnan(panel.units).all()
    assert panel.units.shape == (1, 3)
    assert panel.static["family"].tolist() == ["bread"]
    assert counts["observed_days"].to_list() == [0]


def test_a_static_attribute_is_the_newest_that_is_given():
    frame = pl.concat(
        [
            rows("P1", {0: 1, 1: 1, 2: 1}, family=["bread", "cake", None]),
            rows("P2", {0: 1, 1: 1}, family=pl.Series([None, None], dtype=pl.String)),
        ]
    )
    assert dense(frame)[0].static["family"].tolist() == ["cake", ""]


def by_hand(
    cells: dict[int, float | None], launch: str, days: int
) -> tuple[list[float | None], dict[str, object]]:
    """One series of a store that delivers every day, as a person would write it: units by day, and counts."""
    seen = [n for n, value in sorted(cells.items()) if value is not None]
    sales = [n for n in seen if cells[n]]
    begins = seen if launch == "first_row" else sales
    nothing = dict.fromkeys(("observed_days", "expected_days", "missing_days", "closed_days"), 0)
    if not begins:
        return [None] * days, {**nothing, "zero_sale_days": 0, "average_daily_demand": None}
    usual = max((late - early for early, late in pairwise(sales)), default=0)
    shut = sum(value is None for n, value in cells.items() if sales and n > sales[-1])
    silent = days - 1 - sales[-1] - shut if sales else 0
    first, last = begins[0], days - 1 if silent <= 4 * usual else seen[-1]
    alive = range(first, last + 1)
    observed = [cells.get(n, 0) for n in alive if cells.get(n, 0) is not None]
    counts = {
        "observed_days": len(observed),
        "expected_days": days - first,
        "missing_days": sum(n not in cells for n in alive),
        "closed_days": sum(n in cells and cells[n] is None for n in alive),
        "zero_sale_days": sum(value == 0 for value in observed),
        "average_daily_demand": pytest.approx(sum(value or 0 for value in observed) / len(observed)),
    }
    return [cells.get(n, 0) if n in alive else None for n in range(days)], counts


@given(
    series=st.lists(
        st.dictionaries(st.integers(0, 9), st.sampled_from([None, 0.0, 0.0, 1.0, 2.5]), min_size=1),
        min_size=1,
        max_size=4,
    ),
    launch=st.sampled_from(["first_sale", "first_row"]),
)
def test_many_series_at_once_are_what_a_person_would_write_for_each(series, launch):
    daily = dict.fromkeys(range(10), 1.0)
    frame = pl.concat(
        rows(f"P{number}", dict(sorted(cells.items()))) for number, cells in enumerate([*series, daily])
    )
    panel, counts = dense(frame, days=10, planned=10, launch=launch)
    for cells, units, counted in zip([*series, daily], panel.units, counts.to_dicts(), strict=True):
        expected, by_name = by_hand(cells, launch, 10)
        assert [None if np.isnan(value) else float(value) for value in units] == expected
        assert {name: counted[name] for name in by_name} == by_name


def selling(every: int, days: range, start: int = 0) -> dict[int, float | None]:
    return {n: 3.0 for n in days if (n - start) % every == 0}


def with_zeros(cells: Mapping[int, float | None], days: int) -> dict[int, float | None]:
    return {n: cells.get(n, 0.0) for n in range(days)}


def store(cells: Sequence[Mapping[int, float | None]], days: int) -> tuple[Panel, pl.DataFrame]:
    return dense(pl.concat(rows(f"P{n}", one) for n, one in enumerate(cells)), days=days, planned=days)


def test_the_same_sales_with_and_without_their_zero_rows_are_the_same_panel_and_the_same_counts():
    days = 400
    sales = [
        selling(1, range(days)),
        selling(17, range(days)),
        selling(23, range(5, 330)),  # silent for 70 days, which is no news
        selling(2, range(150)),  # no longer sold
    ]
    bare, counted = store(sales, days)
    full, judged = store([with_zeros(cells, days) for cells in sales], days)
    assert bare.content_hashes() == full.content_hashes()
    assert counted.drop("missing_days").equals(judged.drop("missing_days"))
    assert counted["ended"].to_list() == [False, False, False, True]
    assert counted["average_daily_demand"][1] == pytest.approx(3 * 24 / 400)


@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize(
    ("every", "last", "ended"),
    [(1, 339, True), (1, 341, False), (20, 330, False), (20, 300, True), (1, 379, False)],
)
def test_a_series_ended_after_60_days_or_four_usual_gaps_with_and_without_zero_rows(
    every, last, ended, zeros
):
    days = 400
    cells = selling(every, range(last + 1), start=last % every)
    sparse_rows = with_zeros(cells, days) if zeros else cells
    _, counts = store([selling(1, range(days)), sparse_rows], days)
    assert counts["ended"].to_list() == [False, ended]


def test_one_long_gap_among_many_is_a_closure_and_not_the_usual_gap():
    cells = selling(1, range(100)) | selling(1, range(140, 320))
    _, counts = store([selling(1, range(400)), cells], 400)
    assert counts["ended"].to_list() == [False, True]


def test_a_late_delivery_is_unknown_and_no_end():
    days = 200
    late = dict.fromkeys(range(days - 21), 4.0)
    panel, counts = store([selling(1, range(days)), late], days)
    assert np.isnan(panel.units[1, -21:]).all()
    assert counts["ended"].to_list() == [False, False]
    # A store of which nothing came for three weeks is late as a whole.
    calendar = Calendar(FIRST, day(days - 1), day(days - 1))
    panel, counts = densify(
        rows("P1", late), "S2", dataset="d", calendar=calendar, known={}, launch="first_sale"
    )
    assert np.isnan(panel.units[0, -21:]).all()
    assert not counts["ended"][0]
    assert counts["expected_days"][0] == days


def test_days_marked_as_sold_out_do_not_bring_a_series_to_its_end():
    days = 200
    marked = {n: 4.0 if n < 100 else None for n in range(days)}
    _, counts = store([selling(1, range(days)), marked], days)
    assert not counts["ended"][1]


def test_days_that_look_stocked_out_are_left_out_where_that_is_asked_for():
    days = 200
    cells = with_zeros({n: 5.0 for n in range(days) if n not in range(150, 162)}, days)
    frame = pl.concat([rows("P0", cells), rows("P1", selling(1, range(days)))])
    calendar = Calendar(FIRST, day(days - 1), day(days - 1))
    panel, counts = densify(
        frame,
        "S1",
        dataset="d",
        calendar=calendar,
        known={},
        launch="first_sale",
        leave_out_stockouts=True,
    )
    assert np.isnan(panel.units[0, 150:162]).all()
    assert np.isfinite(np.delete(panel.units, range(150, 162), axis=1)).all()
    assert counts["left_out_days"].to_list() == [12, 0]
    assert counts["observed_days"].to_list() == [188, 200]
    assert counts["missing_days"].to_list() == [0, 0]


def test_a_day_without_any_row_of_the_store_is_unknown_where_that_is_no_chance():
    days = 60
    open_days = [n for n in range(days) if n not in range(20, 30)]
    steady = [dict.fromkeys(open_days, 2.0) for _ in range(3)]
    panel, counts = store(steady, days)
    assert np.isnan(panel.units[:, 20:30]).all()
    assert counts["observed_days"].to_list() == [50] * 3
    # A store of one slow product has many days without a row, and sold nothing on them.
    panel, counts = store([selling(6, range(days))], days)
    assert counts["average_daily_demand"][0] == pytest.approx(3 * 10 / 55)
    # Where zeros are delivered a missing day is missing.
    slow = with_zeros(selling(6, range(days)), days)
    del slow[7]
    assert np.isnan(store([slow], days)[0].units[0, 7])


STORES = ("A", "A-1", "A_1", "B")  # one id is the beginning of another, and "-" < "_"


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(str(tmp_path))
    for number, store in enumerate(STORES):
        frame = pl.concat(
            rows(
                product,
                dict(zip(range(8), [*range(10 * number, 10 * number + 7), None], strict=True)),
                price=range(8),
                family=[product] * 8,
            )
            for product in ("P1", "P1-1", "P2")
        )
        calendar = Calendar(FIRST, day(6), day(7))
        panel, _ = densify(
            frame, store, dataset="d", calendar=calendar, known={"price": "price"}, launch="first_row"
        )
        write(lake, f"panels/{store}.parquet", panel)
    return lake


def test_a_panel_read_back_has_every_series_in_the_order_of_the_keys(lake):
    panel = read(lake, "panels")
    assert panel.series.tolist() == sorted(f"d__{s}__{p}" for s in STORES for p in ("P1", "P1-1", "P2"))
    assert panel.start == FIRST
    assert panel.units.shape == (12, 7)
    assert panel.known["price"].shape == (12, 8)
    for key, units, price in zip(panel.series, panel.units, panel.known["price"], strict=True):
        begin = 10 * STORES.index(str(key).split("__")[1])
        assert units.tolist() == [begin + n for n in range(7)]
        assert price.tolist() == [*range(8)]
    assert panel.static["family"].tolist() == [str(key).split("__")[2] for key in panel.series]


def test_some_series_read_alone_are_what_they_are_among_all(lake):
    whole = read(lake, "panels")
    keys = ["d__B__P2", "d__A__P1", "d__A_1__P1-1", "d__A__P1"]
    part = read(lake, "panels", keys)
    place = np.flatnonzero(np.isin(whole.series, keys))
    assert part.series.tolist() == sorted(set(keys))
    assert part.content_hashes() == whole.take(place).content_hashes()


@pytest.mark.parametrize("unknown", ["d__A__P9", "d__C__P1"])
def test_a_series_that_is_not_there_is_named_whether_its_store_is_known_or_not(lake, unknown):
    with pytest.raises(UnknownName, match=unknown):
        read(lake, "panels", ["d__A__P1", unknown])
    with pytest.raises(UnknownName, match=unknown):
        read(lake, "panels", [unknown])

"""Deliveries that break no rule and are wrong all the same: held back before anything is evaluated."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from forecast_assets.automation.incident_detection import look_at_runs
from forecast_assets.datasets import building, definition
from forecast_assets.datasets.deliveries import Delivery
from forecast_assets.datasets.plausibility import HeldBack, doubts
from forecast_assets.forecasting.core.frequency import FREQUENCIES
from forecast_assets_tests.scenario import TODAY

FIRST, DAYS = dt.date(2025, 1, 6), 480
LAST = FIRST + dt.timedelta(days=DAYS - 1)
DAY = LAST + dt.timedelta(days=1)
NOT_SUNDAY = pl.col("date").dt.weekday() != 7


def history() -> pl.DataFrame:
    """Six stores with eight products each, noisy, closed on Sundays, up to ``DAY``."""
    draw = np.random.default_rng(20)
    dates = [FIRST + dt.timedelta(days=number) for number in range(DAYS + 1)]
    shape = 1 + 0.3 * np.sin(np.arange(DAYS + 1) / 7 * 2 * np.pi)
    frames = [
        pl.DataFrame(
            {
                "store_id": f"S{store}",
                "product_id": f"P{product}",
                "date": dates,
                "units": draw.poisson((20 + 5 * product) * shape),
            }
        )
        for store in range(6)
        for product in range(8)
    ]
    return pl.concat(frames).filter(NOT_SUNDAY)


SALES = history()
PAST, NEW = SALES.filter(pl.col("date") <= LAST), SALES.filter(pl.col("date") == DAY)
assert not NEW.is_empty(), "the new day is no Sunday"


def on(date: dt.date) -> pl.DataFrame:
    """What was sold on another day, under the date of the new one."""
    return SALES.filter(pl.col("date") == date).with_columns(date=pl.lit(DAY))


MISTAKES = {
    "half the stores are missing": (
        [PAST, NEW.filter(pl.col("store_id") < "S3")],
        f"3 of 6 stores have no sales on {DAY}: S3, S4, S5",
    ),
    "pieces became cases": (
        [PAST, NEW.with_columns(pl.col("units") / 12)],
        f"on {DAY} most series sold 0.0",
    ),
    "cases became pieces": ([PAST, NEW.with_columns(pl.col("units") * 12)], f"on {DAY} most series sold 1"),
    "products were renumbered": (
        [PAST, NEW.with_columns(product_id=pl.concat_str(pl.lit("N"), "product_id"))],
        "48 of 48 series that sell are new, and 48 of 48 that always sold do not",
    ),
    "the day before came again": ([PAST, on(LAST)], f"{DAY} repeats {LAST}"),
    "the day of last year came": (
        [PAST, on(DAY - dt.timedelta(days=364))],
        f"{DAY} repeats {DAY - dt.timedelta(days=364)}",
    ),
    "a day was delivered twice": (
        [PAST.with_columns(pl.col("units") * (1 + (pl.col("date") == LAST))), NEW],
        f"everything sold on {LAST} is there twice",
    ),
    "last year's file came": (
        [SALES.filter(pl.col("date") <= LAST - dt.timedelta(days=365))],
        f"its newest day is {LAST - dt.timedelta(days=365)}, and {LAST} was there before",
    ),
    "the calendar is shifted": (
        [SALES.with_columns(pl.col("date") + dt.timedelta(days=1))],
        "what was sold on a day is now a day later",
    ),
    "all units changed their meaning": (
        [SALES.with_columns(pl.col("units") / 12)],
        "100 % of the last days' sales that were known have changed, to 0.08 times",
    ),
    "most rows are gone": (
        [PAST.filter(pl.col("date") > LAST - dt.timedelta(days=200)), NEW],
        "rows where",
    ),
}
FINE = {
    "the next day": [PAST, NEW],
    "a day with a third more": [PAST, NEW.with_columns((pl.col("units") * 1.33).round())],
    "a closed store": [PAST, NEW.filter(pl.col("store_id") != "S1")],
    "a few corrections": [
        PAST.with_columns(units=pl.when(pl.col("product_id") == "P1").then(0).otherwise(pl.col("units"))),
        NEW,
    ],
    "new products": [PAST, NEW, NEW.with_columns(product_id=pl.lit("Q") + pl.col("product_id")).head(10)],
    "nothing but a longer past": [
        PAST,
        NEW,
        PAST.head(50).with_columns(pl.col("date") - dt.timedelta(days=DAYS)),
    ],
}


@pytest.fixture
def loaded(open_place, tmp_path):
    """A dataset whose last good sales end the day before the new one."""
    with open_place(tmp_path) as place:
        place.add("shop", PAST)
        yield place


def deliver(place, frames, **options):
    place.write("shop", pl.concat([frame.cast({"units": pl.Float64}) for frame in frames]))
    return building.load_sales(place.stores, "shop", run_id="delivery", today=TODAY, **options)


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_a_mistake_of_the_sender_is_held_back_and_can_be_accepted(mistake, loaded):
    frames, reason = MISTAKES[mistake]
    good = definition.load(loaded.stores, "shop").snapshot
    assert good is not None
    files = loaded.files("sales")
    with pytest.raises(HeldBack) as held:
        deliver(loaded, frames)
    assert reason in held.value.problem
    assert "`forecast-assets evaluate shop --accept`" in held.value.remedy
    assert definition.load(loaded.stores, "shop").snapshot == good
    assert loaded.files("sales") == files

    accepted = deliver(loaded, frames, accept=True).snapshot
    assert reason in " ".join(accepted.summary["accepted"])
    assert accepted.hash != good.hash
    current = definition.load(loaded.stores, "shop").snapshot
    assert current is not None
    assert current.hash == accepted.hash


@pytest.mark.parametrize("delivery", sorted(FINE))
def test_an_ordinary_delivery_passes_and_leaves_no_note(delivery, loaded):
    assert "accepted" not in deliver(loaded, FINE[delivery]).snapshot.summary


def test_sales_that_were_there_before_are_no_mistake(loaded):
    good = definition.load(loaded.stores, "shop").snapshot
    assert good is not None
    deliver(loaded, [PAST, NEW])
    assert deliver(loaded, [PAST]).snapshot.hash == good.hash


def test_a_delivery_that_is_held_back_stops_its_run_and_becomes_an_incident_that_closes(loaded):
    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    deliver(loaded, [PAST, NEW])
    assert loaded.build("shop").success
    panel = definition.load(loaded.stores, "shop").built().panel_path

    loaded.write("shop", SALES.with_columns(pl.col("units") / 12))
    stopped = loaded.build("shop")
    assert not stopped.success
    ran = {event.step_key for event in stopped.all_events if event.is_step_start}
    assert ran == {"sales"}, "nothing is built of what is held back"
    assert definition.load(loaded.stores, "shop").built().panel_path == panel

    look_at_runs(loaded.instance, loaded.stores, start, dt.datetime.now(dt.UTC))
    (incident,) = [row for row in loaded.table("incident") if row["resolved_at"] is None]
    assert "the new sales of shop are held back" in incident["what"]
    assert "--accept" in incident["next_step"]
    loaded.write("shop", SALES)
    assert loaded.build("shop").success
    look_at_runs(loaded.instance, loaded.stores, start, dt.datetime.now(dt.UTC))
    assert [row for row in loaded.table("incident") if row["resolved_at"] is None] == []


def by_period(name: str) -> tuple[pl.DataFrame, list[dt.date]]:
    """Thirty noisy weeks or months of five stores with eight products each, and the first days of them."""
    dates = [day.item() for day in FREQUENCIES[name].dates(dt.date(2024, 1, 1), 0, 30)]
    draw = np.random.default_rng(7)
    frames = [
        pl.DataFrame(
            {"store": f"S{store}", "product": f"P{product}", "date": dates, "units": draw.poisson(90, 30)}
        )
        for store in range(5)
        for product in range(8)
    ]
    return pl.concat(frames).cast({"units": pl.Float64}), dates


@pytest.mark.parametrize("name", ["week", "month"])
@pytest.mark.parametrize("mistake", [None, "scaled", "doubled", "missing", "copied"])
def test_weeks_and_months_are_compared_with_each_other_and_not_by_the_weekday(name, mistake):
    sales, dates = by_period(name)
    last, new = dates[-2], dates[-1]
    past, added = sales.filter(pl.col("date") <= last), sales.filter(pl.col("date") == new)
    now = {
        "scaled": [past, added.with_columns(pl.col("units") * 12)],
        "doubled": [past.with_columns(pl.col("units") * (1 + (pl.col("date") == last))), added],
        "missing": [past, added.filter(pl.col("store") < "S3")],
        "copied": [past, past.filter(pl.col("date") == last).with_columns(date=pl.lit(new))],
        None: [past, added],
    }[mistake]
    before, latest = (
        Delivery(cells, cells.select("store", "product").unique(), cells.height)
        for cells in (past, pl.concat(now))
    )
    reasons = doubts(before, latest, (last, new), FREQUENCIES[name])
    if mistake is None:
        assert reasons == []
        return
    expected = {
        "scaled": f"in {new} most series sold 1",
        "doubled": f"everything sold in {last} is there twice: was a {name} delivered twice?",
        "missing": f"2 of 5 stores have no sales in {new}: S3, S4",
        "copied": f"{new} repeats {last}",
    }[mistake]
    assert any(reason.startswith(expected) for reason in reasons), reasons


def test_a_known_day_that_comes_again_is_judged_like_a_new_one_and_may_be_mended():
    columns = (pl.col("store_id").alias("store"), pl.col("product_id").alias("product"), "date")
    past = PAST.select(*columns, pl.col("units").cast(pl.Float64))
    rest, known = past.filter(pl.col("date") < LAST), past.filter(pl.col("date") == LAST)

    def reasons(before: pl.DataFrame, now: pl.DataFrame) -> str:
        first, second = (
            Delivery(cells, cells.select("store", "product").unique(), cells.height)
            for cells in (pl.concat([rest, before]), pl.concat([rest, now]))
        )
        return "; ".join(doubts(first, second, (LAST, LAST)))

    spoilt = {
        "most series sold": known.with_columns(pl.col("units") / 12),
        "3 of 6 stores have no sales": known.filter(pl.col("store") < "S3"),
        "48 of 48 series that sell are new": known.with_columns(product=pl.lit("N") + pl.col("product")),
    }
    for sentence, now in spoilt.items():
        assert sentence in reasons(known, now)
        assert reasons(now, known) == "", "what was wrong is mended"
    part_of_a_day = known.with_columns(pl.col("units") * 0.4)
    assert reasons(part_of_a_day, known) == ""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_order_of_rows_changes_no_doubt(mistake):
    frames, sentence = MISTAKES[mistake]
    columns = (pl.col("store_id").alias("store"), pl.col("product_id").alias("product"), "date")
    units = pl.col("units").cast(pl.Float64)
    past, now = (one.select(*columns, units) for one in (PAST, pl.concat(frames, how="vertical_relaxed")))

    def reasons(before: pl.DataFrame, latest: pl.DataFrame) -> list[str]:
        first, second = (
            Delivery(cells, cells.select("store", "product").unique(), cells.height)
            for cells in (before, latest)
        )
        return doubts(first, second, (LAST, latest.select(pl.col("date").max()).item()))

    order = ["store", "product", "date"]
    in_order = reasons(past.sort(order), now.sort(order))
    assert any(sentence in reason for reason in in_order), in_order
    assert reasons(past.sample(fraction=1, shuffle=True, seed=3), now.reverse()) == in_order

"""Rows of days, weeks and months: found from their dates, added up, or refused with the rows in question."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from forecast_assets.datasets.building import add_dataset, build_panel, load_sales, read_panel
from forecast_assets.datasets.date_patterns import find_date_format
from forecast_assets.datasets.dates import DayRules, read
from forecast_assets.datasets.definition import DatasetOptions, load
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.datasets.sources.row_rules import RowRules
from forecast_assets.datasets.spacing import frequency_of, spacing_of
from forecast_assets.errors import BadSales

TODAY = dt.date(2026, 6, 1)


def every(step: str, count: int, start: dt.date = dt.date(2024, 1, 1)) -> pl.Series:
    return pl.date_range(start, start + dt.timedelta(days=5000), step, eager=True).head(count)


def sales_of(dates: pl.Series, units: list[float] | None = None, **more: object) -> pl.DataFrame:
    return pl.DataFrame(
        {"store_id": "S1", "product_id": "P1", "date": dates, "units": units or [7.0] * len(dates), **more}
    )


@pytest.fixture(scope="module")
def place(open_place, tmp_path_factory):
    with open_place(tmp_path_factory.mktemp("periods")) as opened:
        yield opened


@pytest.fixture
def added(place, tmp_path):
    """Add a frame as a dataset and return the dataset with its panel."""

    def add(name: str, frame: pl.DataFrame, columns: Columns = Columns(), **options: object):  # noqa: B008
        path = tmp_path / f"{name}.csv"
        frame.write_csv(path)
        source = FileSource(path=path, columns=columns)
        add_dataset(place.stores, name, source, DatasetOptions.model_validate(options), TODAY)
        build_panel(place.stores, name, run_id="built", register=list)
        dataset = load(place.stores, name)
        return dataset, read_panel(place.stores, dataset, newest=True)

    return add


@pytest.mark.parametrize(
    ("dates", "name"),
    [
        (every("1d", 60), "day"),
        (every("1w", 60), "week"),
        (every("1w", 60, dt.date(2024, 1, 7)), "week"),
        (every("1mo", 30), "month"),
        (every("1mo", 30).dt.month_end(), "month"),
        (
            every("1d", 700)
            .filter(every("1d", 700).dt.weekday() < 6)
            .sort()
            .to_frame("day")
            .group_by(pl.col("day").dt.truncate("1mo"))
            .agg(pl.col("day").max().alias("last"))["last"],
            "month",
        ),
        (every("1w", 60).gather_every(2).head(4), None),
        (every("1d", 400).sample(90, seed=1), "day"),
    ],
    ids=[
        "days",
        "mondays",
        "sundays",
        "first of month",
        "end of month",
        "last working day",
        "too few",
        "only days with sales",
    ],
)
def test_the_period_is_found_from_the_dates(dates, name):
    frequency = spacing_of(dates).frequency
    assert (None if frequency is None else frequency.name) == name


def test_weeks_with_gaps_are_weeks_and_single_weekdays_of_a_daily_file_are_not():
    assert frequency_of("x", {"S1": every("1w", 80).filter(np.arange(80) % 9 != 3)}).name == "week"
    assert frequency_of("x", {"S1": every("1d", 200), "S2": every("1d", 3)}).name == "day"


@pytest.mark.parametrize(
    ("dates", "apart", "option"),
    [
        (every("1q", 12), "3 months apart .2024-01-01 and 2024-04-01.", "month"),
        (every("1y", 6, dt.date(2015, 1, 1)), "12 months apart", "month"),
        (every("2w", 20), "14 days apart .2024-01-01 and 2024-01-15.", "week"),
        (every("1w", 105).filter(np.isin(np.arange(105) % 13, (0, 4, 8))), "28 to 35 days apart", "week"),
        (every("10d", 20), "10 days apart", "day"),
    ],
    ids=["quarters", "years", "fortnights", "blocks of four and five weeks", "ten days"],
)
def test_rows_that_may_cover_longer_periods_are_refused_unless_they_are_declared(dates, apart, option):
    with pytest.raises(BadSales, match=apart) as refused:
        frequency_of("x", {"S1": dates})
    assert f"--frequency {option}" in str(refused.value)
    if option != "day":
        assert frequency_of("x", {"S1": dates}, option).name == option


def test_a_store_that_hardly_sells_says_nothing_against_the_days_of_the_others():
    assert frequency_of("x", {"S1": every("1d", 200), "S2": every("17d", 12)}).name == "day"
    assert frequency_of("x", {"S1": every("1w", 100), "S2": every("3w", 12)}).name == "week"


def test_stores_that_deliver_by_different_periods_are_refused_by_name():
    with pytest.raises(BadSales, match=r"store 'S1' by day .2024-01-01 and 2024-01-02.*store 'S2' by week"):
        frequency_of("x", {"S1": every("1d", 60), "S2": every("1w", 60)})


def test_a_store_that_changes_from_weeks_to_days_is_refused_with_the_rows_that_show_it():
    dates = pl.concat([every("1w", 30), every("1d", 30, dt.date(2024, 8, 1))])
    with pytest.raises(BadSales, match=r"one a week on 2024-01-01, 2024-01-08.*one a day on 2024-08-01"):
        frequency_of("x", {"S1": dates})


@pytest.mark.parametrize(("later", "words"), [("1w", "a week"), ("1d", "a day")])
def test_a_store_that_changes_from_months_is_refused_with_the_rows_that_show_it(later, words):
    dates = pl.concat([every("1mo", 24, dt.date(2022, 1, 1)), every(later, 30, dt.date(2024, 1, 8))])
    with pytest.raises(BadSales, match=rf"one a month on 2022-01-01.*one {words} on 2024-01-08"):
        frequency_of("x", {"S1": dates})


@pytest.mark.parametrize(
    ("texts", "date_format", "days"),
    [
        (["2020-W53", "2021-W01"], None, ["2020-12-28", "2021-01-04"]),
        (["2020W53"], None, ["2020-12-28"]),
        (["2024-02"], None, ["2024-02-01"]),
        (["W53/2020"], "W%V/%G", ["2020-12-28"]),
        (["02/2024"], "%m/%Y", ["2024-02-01"]),
        (["202053", "202101"], "%G%V", ["2020-12-28", "2021-01-04"]),
        (["2024M02"], "%YM%m", ["2024-02-01"]),
        (
            ["październik 2024", "Ağustos 2024", "maj 2024"],
            "%b %Y",
            ["2024-10-01", "2024-08-01", "2024-05-01"],
        ),
    ],
)
def test_labels_of_weeks_and_months_are_read_as_their_first_days(texts, date_format, days):
    dates = read(pl.Series(texts), DayRules(date_format, None, RowRules()))
    assert not any(wrong.any() for wrong, _ in dates.verdicts)
    assert [str(day) for day in dates.days] == days


def test_a_weekly_file_becomes_a_weekly_panel_with_folds_of_weeks(added):
    dataset, panel = added("weekly", sales_of(every("1w", 120), [float(n) for n in range(1, 121)]))
    assert (dataset.options.frequency, panel.frequency.name, panel.days) == ("week", "week", 120)
    assert panel.units[0].tolist() == list(range(1, 121))
    settings = dataset.options.evaluation
    assert (settings.horizon, settings.n_splits, settings.min_train) == (8, 4, 26)


def test_settings_that_somebody_wrote_stay_in_periods(added):
    dataset, _ = added("own", sales_of(every("1w", 120)), evaluation={"horizon": 3})
    assert (dataset.options.evaluation.horizon, dataset.options.evaluation.min_train) == (3, 26)


def test_months_are_dated_by_their_first_day(added):
    _, panel = added("monthly", sales_of(every("1mo", 24).dt.month_end()))
    assert (str(panel.start), panel.frequency.name) == ("2024-01-01", "month")


def test_days_are_added_up_to_full_weeks_and_the_rest_is_named(added):
    dates = every("1d", 60, dt.date(2024, 1, 3))  # a Wednesday, to a Saturday
    frame = sales_of(dates, [1.0] * 60, price=[2.0] * 30 + [4.0] * 30, promo=[0] * 59 + [1])
    columns = Columns(price="price", promo="promo")
    dataset, panel = added("sums", frame, columns, aggregate="week", frequency="day")
    assert (str(panel.start), panel.days) == ("2024-01-08", 7)
    assert panel.units[0].tolist() == [7.0] * 7
    assert panel.known["price"][0, 0] == 2
    assert dataset.snapshot is not None
    assert dataset.snapshot.summary["left_out"] == ["2024-01-03 to 2024-01-07", "2024-02-26 to 2024-03-02"]


@pytest.mark.parametrize("is_written", [True, False])
def test_a_week_is_full_where_only_days_are_missing_on_which_nothing_is_ever_sold(is_written, added):
    dates = every("1d", 41, dt.date(2024, 1, 2))  # a Tuesday, to a Sunday
    idle = dates.dt.weekday().is_in([1, 7])
    frame = sales_of(dates).with_columns(units=1 - idle.cast(pl.Float64), shut=idle.cast(pl.Int8))
    columns = Columns(closed="shut") if is_written else Columns()
    name = f"idle-{is_written}"
    dataset, panel = added(name, frame if is_written else frame.filter(~idle), columns, aggregate="week")
    assert (str(panel.start), panel.units[0].tolist()) == ("2024-01-01", [5.0] * 6)
    assert dataset.snapshot is not None
    assert not dataset.snapshot.summary.get("left_out")


@pytest.mark.parametrize(("planned", "weeks"), [(6, 0), (7, 1), (13, 1), (14, 2)])
def test_a_plan_counts_for_the_weeks_that_it_covers(planned, weeks, added):
    units = [1.0] * 63 + [None] * planned
    dates = every("1d", 63 + planned)
    frame = sales_of(dates).with_columns(units=pl.Series(units, dtype=pl.Float64), promo=pl.lit(1))
    _, panel = added(f"plan-{planned}", frame, Columns(promo="promo"), aggregate="week", frequency="day")
    ahead = panel.known["promo"][0, panel.days :]
    assert ahead[~np.isnan(ahead)].tolist() == [7.0] * weeks


def test_a_february_with_a_leap_day_and_a_january_are_both_one_month(added):
    frame = sales_of(every("1d", 60))
    _, panel = added("leap", frame, aggregate="month", frequency="day")
    assert panel.units[0].tolist() == [31 * 7, 29 * 7]


def test_a_week_without_any_observed_day_is_not_observed_and_one_with_some_is(added):
    units: list[float | None] = [1.0] * 28
    units[7:14] = [None] * 7
    units[15] = None
    frame = sales_of(every("1d", 28)).with_columns(units=pl.Series(units, dtype=pl.Float64))
    _, panel = added("holes", frame, aggregate="week", frequency="day")
    np.testing.assert_equal(panel.units[0], [7, np.nan, 6, 7])


@pytest.mark.parametrize(
    ("dates", "options", "message"),
    [
        (every("1w", 60), {"frequency": "month"}, "cover a week each.*declare --frequency week"),
        (every("1d", 60), {"frequency": "week"}, "cover a day each.*or --aggregate week"),
        (every("1w", 60), {"aggregate": "month"}, "only days are added up"),
        (every("1d", 10), {"aggregate": "month"}, "hold no complete month"),
    ],
)
def test_a_period_that_the_rows_contradict_is_refused_with_what_to_write(
    added, place, dates, options, message
):
    with pytest.raises(BadSales, match=f"(?s){message}"):
        added("refused", sales_of(dates), **options)
    assert place.stores.lake.list("sales/refused") == []


def test_a_weekly_dataset_refuses_days_that_come_later(added, place, tmp_path):
    added("later", sales_of(every("1w", 60)))
    sales_of(every("1d", 420)).write_csv(tmp_path / "later.csv")
    with pytest.raises(BadSales, match=r"cover a day each.*frequency says week"):
        load_sales(place.stores, "later", run_id="second", today=TODAY)


@pytest.mark.parametrize(
    "texts",
    [
        ["Januar 2024", "März 2024", "Dezember 2024"],
        ["janv. 2024", "mars 2024", "déc. 2024"],
        ["enero de 2024", "marzo de 2024", "diciembre de 2024"],
        ["gen 2024", "mar 2024", "dic 2024"],
        ["Jan. 2024", "March 2024", "Dec 2024"],
        ["1. Januar 2024", "1. Mrz 2024", "1. Dezember 2024"],
        ["1 de janeiro de 2024", "1 de março de 2024", "1 de dezembro de 2024"],
    ],
    ids=lambda texts: texts[0],
)
def test_months_in_words_are_read_in_several_languages(texts):
    date_format = find_date_format(pl.Series(texts), "x")
    days = read(pl.Series(texts), DayRules(date_format, None, RowRules()))
    assert days.days.to_list() == [dt.date(2024, month, 1) for month in (1, 3, 12)]


def test_words_that_are_no_months_stay_no_dates():
    assert find_date_format(pl.Series(["Ostern 2024", "Mardi 2024"]), "x") is None


def test_a_declared_format_keeps_its_own_signs():
    for text, how in (("5. Mai 2024", "%d. %B %Y"), ("5 de mayo de 2024", "%d de %B de %Y")):
        days = read(pl.Series([text]), DayRules(how, None, RowRules()))
        assert days.days.to_list() == [dt.date(2024, 5, 5)]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("46023", "a spreadsheet's day numbers"),
        ("2024-Q1", "instead of quarters"),
        ("2024-01-01 - 2024-01-07", "give the first day of each row alone"),
        ("1735689600", "seconds or milliseconds since 1970"),
        ("tammikuu 2024", "write months as 2024-07"),
        ("2024-H1", "instead of quarters, half-years or years"),
        ("2024", "instead of quarters, half-years or years"),
        ("2024-05-01T13", "--receipts sum"),
        ("2024050113", "--receipts sum"),
        ("24-Jan", "--date-format %m/%y or %y-%b"),
        ("2024-13", "months are 01 to 12"),
        ("2023-02-29", "the calendar has no such day"),
        ("2021-W53", "2021 has 52: 2021-W52 is followed by 2022-W01, which begins on 2022-01-03"),
        ("KW53/2021", "2021 has 52"),
        ("202153", "2021 has 52"),
        ("2020-W54", "2020 has 53: 2020-W53 is followed by 2021-W01, which begins on 2021-01-04"),
        ("2021-W00", "weeks of ISO 8601 are counted from 01"),
    ],
)
def test_what_names_no_day_is_refused_with_the_remedy_that_fits(added, text, remedy):
    frame = sales_of(every("1d", 40)).with_columns(date=pl.lit(text))
    with pytest.raises(BadSales, match="is not a date") as refused:
        added("texts", frame)
    assert remedy in str(refused.value)
    assert "two years" not in str(refused.value)

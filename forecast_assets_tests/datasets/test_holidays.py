"""Public holidays of a country as an option of any dataset."""

import datetime as dt
from typing import Any

import polars as pl
import pytest

from forecast_assets.datasets import building, definition, panels
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.holidays import national, read_mapping
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets_tests.scenario import DAYS, HEALTHY, START, TODAY, Place, sales_of


def built(place: Place, frame: pl.DataFrame, **options: Any) -> Panel:
    place.add("shop", frame, **options)
    building.build_panel(place.stores, "shop", run_id="r1", register=list)
    snapshot = definition.load(place.stores, "shop").snapshot
    assert snapshot is not None
    return panels.read(place.stores.lake, str(snapshot.panel_path))


def marked(panel: Panel) -> list[dt.date]:
    return [START + dt.timedelta(days=int(n)) for n in panel.known["holiday"][0].nonzero()[0]]


@pytest.fixture
def frame() -> pl.DataFrame:
    return sales_of(HEALTHY, range(1, DAYS + 1))


def test_holidays_are_marked_on_every_day_and_ninety_days_ahead(place, frame):
    panel = built(place, frame, holidays="DE-BY")
    assert panel.known["holiday"].shape == (1, DAYS + 90)
    assert marked(panel) == [
        dt.date(2026, 1, 6),
        dt.date(2026, 4, 3),
        dt.date(2026, 4, 6),
        dt.date(2026, 5, 1),
        dt.date(2026, 5, 14),
        dt.date(2026, 5, 25),
    ]


def test_a_column_of_the_source_is_replaced_and_its_other_plans_stay(place, frame):
    own = frame.with_columns(special=pl.lit(1.0), rain=pl.lit(0.5))
    columns = Columns(holiday="special", known_future=("rain",))
    panel = built(place, own, columns=columns, holidays="US")
    assert marked(panel)[:2] == [dt.date(2026, 1, 19), dt.date(2026, 2, 16)]
    assert set(panel.known) == {"holiday", "rain"}
    assert {matrix.shape[1] for matrix in panel.known.values()} == {DAYS + 90}
    assert (panel.known["rain"][0, :DAYS] == 0.5).all()


def test_without_the_option_no_column_is_added(place, frame):
    assert built(place, frame).known == {}


@pytest.mark.parametrize(
    ("country", "message", "remedy"),
    [
        ("XX", "no country 'XX'", "such as DE"),
        ("de", "no country 'de'", "did you mean DE?"),
        ("Germany", "no country 'Germany'", "two letters"),
        ("DE-XY", "country DE has no region 'XY'", "DE-BY"),
        ("", "no country ''", "two letters"),
    ],
)
def test_a_country_that_is_not_known_is_refused_with_a_remedy(country, message, remedy):
    with pytest.raises(BadSetting) as refused:
        national(country, TODAY, TODAY)
    assert message in refused.value.problem
    assert remedy in refused.value.remedy


def test_a_dataset_of_a_country_that_is_not_known_is_not_stored(place, frame):
    source = FileSource(path=place.write("shop", frame))
    with pytest.raises(BadSetting):
        building.add_dataset(place.stores, "shop", source, DatasetOptions(holidays="XX"), TODAY)
    assert place.table("dataset") == []
    assert place.files() == []


def test_holidays_are_those_of_the_days_asked_for():
    assert national("DE", dt.date(2025, 12, 26), dt.date(2026, 1, 1)) == [
        dt.date(2025, 12, 26),
        dt.date(2026, 1, 1),
    ]


def german_and_french() -> pl.DataFrame:
    rows = [sales_of(f"shop__{store}__P1", range(1, DAYS + 1)) for store in ("K\u00f6ln", "Paris")]
    return pl.concat(rows).with_columns(
        country=pl.col("store_id").replace_strict({"K\u00f6ln": "DE-NW", "Paris": "FR"})
    )


def by_store(panel: Panel) -> dict[str, set[dt.date]]:
    matrix = panel.known["holiday"]
    return {
        str(key).split("__")[1][:1]: {START + dt.timedelta(days=int(n)) for n in row.nonzero()[0]}
        for key, row in zip(panel.series, matrix, strict=True)
    }


@pytest.mark.parametrize("by", ["column", "file"])
def test_every_store_has_the_holidays_of_its_country(by, place, tmp_path):
    (tmp_path / "stores.csv").write_text("store;country\nK\u00f6ln;DE-NW\nParis;FR\n", encoding="utf-8")
    options: dict[str, object] = {"store_holidays": read_mapping(tmp_path / "stores.csv")}
    if by == "column":
        options = {"holidays_column": "country", "columns": Columns(static=("country",))}
    holidays_by_store = by_store(built(place, german_and_french(), **options))
    assert dt.date(2026, 5, 8) in holidays_by_store["P"]  # Victory Day
    assert dt.date(2026, 5, 8) not in holidays_by_store["K"]
    assert dt.date(2026, 4, 3) in holidays_by_store["K"]  # Good Friday
    assert dt.date(2026, 4, 3) not in holidays_by_store["P"]


def test_a_store_without_a_country_is_refused_and_nothing_is_stored(place):
    with pytest.raises(BadSetting, match="no country is known for the holidays of store 'Paris'"):
        place.add("shop", german_and_french(), store_holidays={"K\u00f6ln": "DE"})
    assert place.table("dataset") == []
    assert place.files() == []


def test_two_countries_for_all_stores_are_refused_with_what_helps():
    with pytest.raises(BadSetting) as refused:
        national("DE,FR", TODAY, TODAY)
    assert all(
        option in refused.value.remedy for option in ("--holidays-column", "--holidays-file", "--holiday ")
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("store,country\nA,DE\nA,FR\n", "names store A twice"),
        ("A\n", "two columns"),
        ("s,c\nA,XX\n", "no country 'XX'"),
    ],
)
def test_a_mapping_of_another_shape_is_refused(text, problem, tmp_path):
    (tmp_path / "stores.csv").write_text(text)
    with pytest.raises(BadSetting, match=problem):
        read_mapping(tmp_path / "stores.csv")

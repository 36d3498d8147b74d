"""Public holidays of a country as an option of any dataset."""

import datetime as dt

import polars as pl
import pytest

from forecast_assets.datasets import building, definition, panels
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.holidays import national
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets_tests.scenario import DAYS, HEALTHY, START, TODAY, Place, sales_of


def built(place: Place, frame: pl.DataFrame, **options: object) -> Panel:
    place.add("shop", frame, **options)  # type: ignore[arg-type]
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
    ("country", "told", "remedy"),
    [
        ("XX", "no country 'XX'", "such as DE"),
        ("de", "no country 'de'", "did you mean DE?"),
        ("Germany", "no country 'Germany'", "two letters"),
        ("DE-XY", "country DE has no region 'XY'", "DE-BY"),
        ("", "no country ''", "two letters"),
    ],
)
def test_a_country_that_is_not_known_is_refused_with_a_remedy(country, told, remedy):
    with pytest.raises(BadSetting) as refused:
        national(country, TODAY, TODAY)
    assert told in refused.value.problem
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

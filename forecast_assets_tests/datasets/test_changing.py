"""A dataset changes: what stays valid is kept, what does not is said before, nothing is half done."""

import polars as pl
import pytest

from forecast_assets.datasets import building, changing, definition
from forecast_assets.datasets.sources import Columns
from forecast_assets.errors import BadSales, BadSetting
from forecast_assets_tests.scenario import TODAY, Place, many


@pytest.fixture
def shop(place: Place) -> definition.Dataset:
    frame = many(4, dataset="shop").with_columns(promo=pl.int_range(pl.len()) % 5 // 4)
    place.prepare("shop", frame)
    return definition.load(place.stores, "shop")


def test_a_column_that_is_added_makes_all_series_stale_and_is_said_before(place, shop):
    source = shop.source.model_copy(update={"columns": Columns(promo="promo")})
    preview = changing.preview(place.stores, "shop", source, shop.options, TODAY)
    assert preview.sentences == ("columns.promo: nothing becomes promo",)
    assert preview.sentence == "4 of 4 series must be evaluated again"
    assert definition.load(place.stores, "shop").source == shop.source
    loaded = changing.change(place.stores, "shop", source, shop.options, TODAY, register=list)
    assert not loaded.reused
    changed = definition.load(place.stores, "shop")
    assert changed.source == source
    assert set(building.read_panel(place.stores, changed).known) == {"promo"}


def test_a_column_that_no_series_feels_keeps_all_results(place, shop):
    rows = shop.source.rows.model_copy(update={"returns": "zero"})
    source = shop.source.model_copy(update={"rows": rows})
    preview = changing.preview(place.stores, "shop", source, shop.options, TODAY)
    assert (preview.stale, preview.new, preview.gone) == (0, 0, 0)
    assert preview.sentence == "all results of 4 series stay valid"
    assert changing.change(place.stores, "shop", source, shop.options, TODAY, register=list).reused


def test_other_files_may_change_some_series_bring_new_ones_and_lose_others(place, shop):
    frame = many(5, dataset="shop").filter(pl.col("product_id") != "P000")
    grown = frame.with_columns(units=pl.col("units") + (pl.col("product_id") == "P001"))
    path = place.write("grown", grown.with_columns(promo=0))
    source = shop.source.model_copy(update={"path": str(path)})
    preview = changing.preview(place.stores, "shop", source, shop.options, TODAY)
    assert (preview.series, preview.gone) == (4, 4 - (preview.series - preview.new))
    assert preview.stale <= preview.series - preview.new


def test_bad_sales_change_nothing(place, shop):
    path = place.write("bad", many(4, dataset="shop").with_columns(units=pl.lit(-1.0)))
    source = shop.source.model_copy(update={"path": str(path)})
    before = place.files()
    for act in (changing.preview, lambda *values: changing.change(*values, register=list)):
        with pytest.raises(BadSales):
            act(place.stores, "shop", source, shop.options, TODAY)
    assert definition.load(place.stores, "shop") == shop
    assert place.files() == before


def test_a_change_of_nothing_is_refused(place, shop):
    with pytest.raises(BadSetting, match="nothing of dataset 'shop' would change"):
        changing.preview(place.stores, "shop", shop.source, shop.options, TODAY)

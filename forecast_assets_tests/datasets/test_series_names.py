"""Ids that no key could hold: people read and write them, keys hold a form of them."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from forecast_assets.datasets import definition, panels
from forecast_assets.datasets.series_names import ids_of, key_of, with_ids
from forecast_assets.errors import BadKey, UnknownName
from forecast_assets.keys import SeriesKey
from forecast_assets.launches.scopes import Scope, pairs
from forecast_assets.stores.rows.datasets import AvailabilityRow
from forecast_assets_tests.scenario import Place

STORES = ("K\u00f6ln / S\u00fcd", "S1")
PRODUCTS = ("\u725b\u4e73", "P 1", "P2")


@pytest.fixture(scope="module")
def place(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("ids")) as opened:
        days = [dt.date(2026, 1, 5) + dt.timedelta(days=n) for n in range(40)]
        rows = [(store, product, day, 5) for store in STORES for product in PRODUCTS for day in days]
        frame = pl.DataFrame(rows, schema=["store_id", "product_id", "date", "units"], orient="row")
        opened.prepare("shop", frame)
        yield opened


def test_listings_hold_the_ids_of_the_source(place):
    frame = place.stores.warehouse.frame(AvailabilityRow, dataset="shop")
    assert set(frame["store_id"]) == set(STORES)
    assert set(frame["product_id"]) == set(PRODUCTS)


def test_only_series_whose_key_says_less_have_other_ids(place):
    assert "shop__S1__P2" not in ids_of(place.stores, "shop")
    assert ids_of(place.stores, "shop")[key_of(place.stores, "shop__S1__P 1")] == ("S1", "P 1")
    assert len(ids_of(place.stores, "shop")) == 5


def test_any_frame_of_series_is_given_the_ids_of_the_source(place):
    keys = [key_of(place.stores, f"shop__{STORES[0]}__{PRODUCTS[0]}"), "shop__S1__P2"] * 2
    frame = with_ids(place.stores, "shop", pl.DataFrame({"at": range(4), "series": keys, "units": 1.0}))
    assert frame.columns == ["at", "series", "store_id", "product_id", "units"]
    assert frame.select("store_id", "product_id").rows() == [(STORES[0], PRODUCTS[0]), ("S1", "P2")] * 2
    assert with_ids(place.stores, "shop", frame.drop("store_id", "product_id").clear()).is_empty()


def test_a_series_is_found_by_its_ids_and_by_its_key(place):
    key = key_of(place.stores, f"shop__{STORES[0]}__{PRODUCTS[0]}")
    assert SeriesKey.parse(key).dataset == "shop"
    assert key_of(place.stores, key) == key
    with pytest.raises(UnknownName, match="no series is called 'shop__S1__P 9'"):
        key_of(place.stores, "shop__S1__P 9")
    with pytest.raises(BadKey):
        key_of(place.stores, "no key")


@pytest.mark.parametrize("by_key", [False, True])
def test_scopes_take_ids_and_keys(place, by_key):
    key = SeriesKey.parse(key_of(place.stores, f"shop__{STORES[0]}__{PRODUCTS[1]}"))
    store, product = (key.store, key.product) if by_key else (STORES[0], PRODUCTS[1])
    dataset = definition.load(place.stores, "shop")
    assert pairs(place.stores, dataset, Scope("manual", stores=(store,), products=(product,))) == [key]
    named = f"shop__{store}__{product}"
    assert pairs(place.stores, dataset, Scope("manual", series=(named,))) == [key]


def test_ids_are_no_attributes_that_a_model_could_learn_from(place):
    snapshot = definition.load(place.stores, "shop").built()
    assert panels.read(place.stores.lake, str(snapshot.panel_path)).static == {}
    assert not [name for name in place.files("panels") if not Path(name).name.isascii()]

"""Files of stock: read as people write them, refused with column and line, the newest count holds."""

import datetime as dt

import polars as pl
import pytest

from forecast_assets.errors import BadSales, BadSetting
from forecast_assets.order_settings import OrderSettings
from forecast_assets.orders.inventory import inventory_source, read_inventory
from forecast_assets.orders.stock_state import stock_state

TODAY = dt.date(2026, 3, 6)
SERIES = {("Köln 1", "007"): "shop__K__7", ("Köln 1", "8"): "shop__K__8"}


def read(path, text: str, series=SERIES):
    path.write_text(text, encoding="utf-8")
    return read_inventory(inventory_source(str(path), TODAY), series, TODAY)


def test_a_file_of_a_spreadsheet_is_read_as_it_is_written(tmp_path):
    inventory = read(
        tmp_path / "bestand.csv",
        "Filiale;Artikel;Bestand;Inventurdatum;MOQ\n"
        "Köln 1;007;12,5;05.03.2026;20\nKöln 1;8;3;05.03.2026;\nBonn;9;1;05.03.2026;\n",
    )
    rows = {row["series"]: row for row in inventory.frame.to_dicts()}
    assert (rows["shop__K__7"]["on_hand"], rows["shop__K__7"]["minimum_order"]) == (12.5, 20)
    assert rows["shop__K__8"]["counted"] == dt.date(2026, 3, 5)
    assert rows["shop__K__8"]["on_order"] is None
    assert (inventory.strange, inventory.older) == (1, 0), "a row of another shop is counted, not lost"


def test_parquet_with_dates_and_numbers_is_read_too(tmp_path):
    file = tmp_path / "stock.parquet"
    pl.DataFrame(
        {"product": [7, 8], "stock": [5, 6], "counted": [dt.date(2026, 3, 5)] * 2, "lead_time": [3, 4]}
    ).write_parquet(file)
    inventory = read_inventory(
        inventory_source(str(file), TODAY), {("all", "7"): "s7", ("all", "8"): "s8"}, TODAY
    )
    assert inventory.frame.sort("series")["lead_time_days"].to_list() == [3, 4]


def test_the_newest_of_several_counts_holds(tmp_path):
    inventory = read(
        tmp_path / "stock.csv",
        "store,product,stock,day\nKöln 1,007,5,2026-03-05\nKöln 1,007,9,2026-03-04\nKöln 1,007,,\n",
    )
    assert inventory.frame["on_hand"].to_list() == [5]
    assert inventory.older == 2


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("Köln 1,007,many,2026-03-05,1", "column 'on_hand' holds what is not a number: line 3 of stock.csv"),
        ("Köln 1,007,1.234,2026-03-05,1", "column 'on_hand' can be read in two ways: line 3"),
        ("Köln 1,007,1,2026-02-30,1", "column 'counted' holds what is not a date: line 3"),
        ("Köln 1,007,1,2026-03-07,1", "column 'counted' was counted after today: line 3"),
        ("Köln 1,007,1,2026-03-05,0", "column 'pack_size' is not above 0: line 3"),
        ("Köln 1,007,1,2026-03-05,inf", "column 'pack_size' is infinite: line 3"),
        (",007,1,2026-03-05,1", "column 'store' is empty: line 3"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_column_and_line(tmp_path, row, what):
    with pytest.raises(BadSales, match=what):
        read(
            tmp_path / "stock.csv",
            f"store,product,on_hand,counted,pack_size\nKöln 1,8,1,2026-03-05,1\n{row}\n",
        )


def test_two_counts_of_one_day_and_files_of_others_are_refused(tmp_path):
    twice = "store,product,on_hand,counted\nKöln 1,8,1,2026-03-05\nKöln 1,8,2,2026-03-05\n"
    with pytest.raises(BadSales, match=r"count a series twice on one day: line 2 of .*, line 3 of"):
        read(tmp_path / "stock.csv", twice)
    with pytest.raises(BadSetting, match="none of its 1 rows is of a series"):
        read(tmp_path / "stock.csv", "store,product,on_hand,counted\nRome,8,1,2026-03-05\n")
    with pytest.raises(BadSetting, match="no column is recognized as counted"):
        read(tmp_path / "stock.csv", "store,product,on_hand\nKöln 1,8,1\n")


def count(**values) -> dict:
    empty = dict.fromkeys((*OrderSettings.model_fields, "on_hand", "on_order", "counted"))
    return {**empty, "on_hand": 4.0, "counted": TODAY - dt.timedelta(days=1), **values}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (None, "its stock is not known"),
        (count(on_hand=None), "its stock is not known"),
        (count(counted=None), "the day its stock was counted is not known"),
        (count(on_hand=-1.0), "below zero"),
        (count(counted=TODAY + dt.timedelta(days=1)), "after the day of the order"),
        (count(counted=TODAY - dt.timedelta(days=2)), "2 days ago, and counts of more than 1 are stale"),
    ],
)
def test_stock_that_is_unknown_or_stale_is_no_stock_to_order_by(row, fault):
    state = stock_state(row, OrderSettings(), TODAY)
    assert state.position is None
    assert fault in str(state.fault)


def test_a_product_may_differ_from_its_dataset():
    row = count(on_order=6.0, review_days=3.0, shortage_cost=9.0, holding_cost=1.0, pack_size=12.0)
    state = stock_state(row, OrderSettings(lead_time_days=2), TODAY)
    assert state.position == 10
    assert (state.settings.lead_time_days, state.settings.review_days) == (2, 3)
    assert (state.settings.stock_target, state.level) == ("cost", 0.75)
    filled = stock_state(count(fill_rate=0.9), OrderSettings(stock_target="service"), TODAY)
    assert (filled.settings.stock_target, filled.level) == ("fill_rate", 0.9)
    unknown = stock_state(count(), OrderSettings(stock_target="cost"), TODAY)
    assert "holding_cost is not known" in str(unknown.fault)
    dear = stock_state(count(shortage_cost=1.0, holding_cost=2.0), OrderSettings(), TODAY)
    assert "below holding_cost" in str(dear.fault)

"""Listings that a person can read: whole keys, chosen columns, numbers with the digits that matter."""

import polars as pl
import pytest

from forecast_assets.cli.console import View, listing
from forecast_assets.rendering.columns import CHOSEN, chosen

LONG_KEY = "groceries__store-of-the-north-4711__organic-oat-milk-barista-1l"
WIDTHS = (80, 120, 200)


@pytest.fixture
def printed(monkeypatch, capsys):
    """Print a listing on a terminal of a width; return the last line of its heading and all lines below."""

    def on(width, frame, name, **view):
        monkeypatch.setenv("COLUMNS", str(width))
        listing(frame, View(**view), name)
        lines = capsys.readouterr().out.splitlines()
        assert all(len(line.rstrip()) <= width for line in lines) or view.get("wide")
        first = str(frame.row(0)[0])[:9]
        at = next((n for n, line in enumerate(lines) if line.startswith(first)), 1)
        return lines[at - 1 :]

    return on


def champions(**changes):
    row = {
        "series": LONG_KEY, "store_id": "store-of-the-north-4711",
        "product_id": "organic-oat-milk-barista-1l", "champion": "seasonal_naive",
        "wape": 18.2345, "smape": 17.1, "bias": -0.4512, "rmse": 1.2,
        "skill_vs_seasonal_naive": 33.1, "confidence": "medium", "snapshot": "9f" * 20,
        "reason": "seasonal_naive at 18.2 % WAPE, 33 % better than seasonal naive; ets follows at 19.6 %",
    }  # fmt: skip
    return pl.DataFrame([row | changes])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("key", ["bakery__bakery_21__p101", LONG_KEY])
def test_the_series_is_whole_and_first_at_every_width(printed, width, key):
    store, product = key.split("__")[1:]
    frame = champions(series=key, store_id=store, product_id=product)
    heading, *rows = printed(width, frame, "champions")
    assert heading.startswith("series")
    assert rows[0].startswith(f"{key} ")


def test_a_narrow_terminal_shows_how_far_a_launch_is_and_leaves_its_dataset_out(printed):
    row = {
        "kind": "showcase", "run_id": "0f" * 18, "dataset": "show-demo-minimal-42", "status": "completed",
        "progress": "18 completed, 1 running, 17 pending of 36", "what": "backtest of 36 items",
    }  # fmt: skip
    heading, *lines = printed(80, pl.DataFrame([row]), "launches")
    assert heading.split() == ["run", "id", "kind", "status", "progress"]
    assert lines[0].startswith(f"{row['run_id']}  showcase")


@pytest.mark.parametrize("width", WIDTHS)
def test_original_ids_stand_beside_a_key_that_does_not_say_them(printed, width):
    frame = champions(series="shop__a-b__c", store_id="A & B", product_id="Crème brûlée")
    lines = printed(width, frame, "champions", columns="series,store_id,product_id,wape")
    assert lines[1].split() == ["shop__a-b__c", "A", "&", "B", "Crème", "brûlée", "18.2"]
    assert "Crème brûlée" in "\n".join(printed(width, frame, "champions", wide=True))
    usual = printed(width, frame, "champions")
    assert usual[1].startswith("shop__a-b__c  A & B")
    assert "Crème brûlée" in usual[1]


def test_every_choice_has_five_to_eight_columns_with_its_key_first():
    for name, columns in CHOSEN.items():
        assert 5 <= len(columns) <= 8, name
        if "series" in columns and name not in {"datasets", "plans"}:
            assert columns[0] == "series", name


def test_a_listing_without_a_choice_shows_all_its_columns():
    assert chosen("no such listing", ["a", "b"]) == ["a", "b"]


def test_long_text_wraps_in_its_own_column(printed):
    frame = champions(series="shop__A__P1", store_id="A", product_id="P1").select("series", "wape", "reason")
    heading, *rows = printed(80, frame, "champions")
    at = heading.index("reason")
    assert len(rows) > 1
    assert all(not row[:at].strip() for row in rows[1:])
    assert "".join(row[at:].strip() + " " for row in rows).split() == champions()["reason"][0].split()


def test_wide_and_columns_show_what_was_left_out(printed):
    frame = champions()
    assert "9f" * 20 in printed(80, frame, "champions", wide=True)[1]
    named = printed(80, frame, "champions", columns="series,rmse")
    assert named[0].split() == ["series", "rmse"]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("wape", [18.2345], "18.2"),
        ("service", [0.95], "0.950"),
        ("units", [12345.678], "12,346"),
        ("units", [4.25], "4.25"),
        ("units", [0.0312], "0.031"),
        ("units", [float("nan")], "-"),
        ("rank", [3], "3"),
        ("override", [True], "yes"),
        ("reason", ["\x1b[31mred\nline"], "[31mred line"),
    ],
)
def test_a_value_is_written_for_a_person(printed, name, values, expected):
    assert printed(80, pl.DataFrame({name: values}), "")[1].strip() == expected


def test_an_empty_column_leaves_its_room_to_others_and_is_there_when_it_is_named(printed):
    frame = champions().with_columns(confidence=pl.lit(None, pl.String))
    assert "confidence" not in printed(200, frame, "champions")[0]
    assert printed(200, frame, "champions", columns="series,confidence")[1].split() == [LONG_KEY, "-"]
    assert "confidence" in printed(80, frame, "champions", wide=True)[0]


def test_series_and_ids_come_first_in_wide_listings_too(printed):
    items = pl.DataFrame(
        {
            "item_id": [7],
            "wape": [18.2],
            "store_id": ["A & B"],
            "product_id": ["c"],
            "series": ["shop__a-b__c"],
        }
    )
    for view in ({}, {"wide": True}):
        lines = printed(120, items, "batch-items", **view)
        assert lines[-1].split() == ["shop__a-b__c", "A", "&", "B", "c", "18.2", "7"]


def test_a_listing_without_the_option_does_not_name_it(capsys, monkeypatch):
    frame = champions().with_columns(confidence=pl.lit(None, pl.String))
    monkeypatch.setenv("COLUMNS", "80")
    for name, option in (("champions", True), ("", False)):
        listing(frame, View(), name)
        assert ("--wide" in capsys.readouterr().err) == option


def test_two_long_texts_share_the_room_that_is_left(printed):
    texts = {name: ["deliver the rows or mark these days as closed " * 3] for name in ("detail", "action")}
    heading, *rows = printed(120, pl.DataFrame({"series": ["bakery__1__p1"], **texts}), "")
    assert 40 < heading.index("action") - heading.index("detail") < 60
    assert len(rows) < 6


def test_a_column_that_does_not_exist_is_refused_with_those_that_do(cli):
    refused = cli("dataset", "list", "--columns", "name,nosuch")
    assert refused.code == 2
    assert "nosuch" in refused.err
    assert "first_day" in refused.err

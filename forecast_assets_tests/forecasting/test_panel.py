"""One small panel: a healthy series, one with holes, one that never sold."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from forecast_assets.forecasting.core.panel import Panel

NAN = np.float32(np.nan)
START = dt.date(2026, 1, 5)


def panel(**changes) -> Panel:
    parts: dict[str, Any] = {
        "series": np.array(["shop__S1__P1", "shop__S1__P2", "shop__S2__P1"]),
        "start": START,
        "units": np.array(
            [[1, 2, 3, 4, 5, 6], [NAN, NAN, 7, NAN, 9, NAN], [NAN, NAN, NAN, NAN, NAN, NAN]], np.float32
        ),
        "known": {"promo": np.tile(np.array([0, 0, 1, 0, 0, 1, 1, 0], np.float32), (3, 1))},
        "static": {"category": np.array(["bread", "bread", "rolls"])},
    }
    return Panel(**(parts | changes))


def test_first_and_last_are_the_observed_ends():
    assert panel().first.tolist() == [0, 2, 6]
    assert panel().last.tolist() == [5, 4, -1]


def test_a_panel_without_days_has_observed_nothing():
    empty = panel().until(0)
    assert (empty.days, empty.future_days) == (0, 8)
    assert empty.first.tolist() == [0, 0, 0]
    assert empty.last.tolist() == [-1, -1, -1]


def test_until_forgets_units_but_not_what_is_known_ahead():
    early = panel().until(4)
    assert early.units.shape == (3, 4)
    assert early.known["promo"].shape == (3, 8)
    assert early.future_days == 4


def test_take_keeps_the_tables_together():
    part = panel().take(np.array([1, 2]))
    assert part.series.tolist() == ["shop__S1__P2", "shop__S2__P1"]
    assert part.static["category"].tolist() == ["bread", "rolls"]
    assert part.first.tolist() == [2, 6]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"series": np.array(["b", "a", "c"])}, "sorted and distinct: .*'a'.* follows .*'b'"),
        ({"series": np.array(["a", "a", "c"])}, "sorted and distinct"),
        ({"series": np.array([1, 2, 3])}, "column of text"),
        ({"units": np.zeros((2, 6), np.float32)}, r"units must be \(3, days\)"),
        ({"units": np.zeros((3, 6))}, "units must be float32, not float64"),
        ({"known": {"promo": np.zeros((3, 5), np.float32)}}, "'promo' has 5 days, units have 6"),
        (
            {"known": {"a": np.zeros((3, 7), np.float32), "b": np.zeros((3, 8), np.float32)}},
            "equally long: {'a': 7, 'b': 8}",
        ),
        ({"static": {"category": np.array(["bread"])}}, "'category' must be 3 texts"),
    ],
)
def test_parts_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        panel(**changes)


def test_until_refuses_days_that_are_not_there():
    with pytest.raises(ValueError, match="cannot cut 6 days after 7"):
        panel().until(7)


def grown(before: int, after: int) -> Panel:
    """The same content on a longer calendar."""
    old = panel()
    around = [(0, 0), (before, after)]
    return panel(
        start=START - dt.timedelta(days=before),
        units=np.pad(old.units, around, constant_values=NAN),
        known={"promo": np.pad(old.known["promo"], around, constant_values=NAN)},
    )


@pytest.mark.parametrize(("before", "after"), [(3, 0), (0, 5), (11, 2)])
def test_a_longer_calendar_keeps_the_hashes(before, after):
    assert grown(before, after).content_hashes() == panel().content_hashes()


def test_what_was_known_before_launch_does_not_count():
    promo = panel().known["promo"].copy()
    promo[1, :2] = 1
    assert panel(known={"promo": promo}).content_hashes() == panel().content_hashes()


def test_equal_numbers_are_equal_whatever_their_bits():
    odd = panel().units.copy()
    odd[1, 3] = np.array(0xFFC00001, np.uint32).view(np.float32)
    zero, minus = panel().units.copy(), panel().units.copy()
    zero[0, 0], minus[0, 0] = 0.0, -0.0
    assert panel(units=odd).content_hashes() == panel().content_hashes()
    assert panel(units=zero).content_hashes() == panel(units=minus).content_hashes()


def changed_rows(other: Panel, **how) -> list[int]:
    pairs = zip(panel().content_hashes(**how), other.content_hashes(**how), strict=True)
    return [row for row, (old, new) in enumerate(pairs) if old != new]


def test_a_correction_changes_its_own_series_only():
    units = panel().units.copy()
    units[1, 4] = 8
    assert changed_rows(panel(units=units)) == [1]


def test_a_hole_is_not_a_zero():
    units = panel().units.copy()
    units[1, 3] = 0
    assert changed_rows(panel(units=units)) == [1]


def test_the_same_units_on_other_days_are_other_content():
    assert changed_rows(panel(start=START + dt.timedelta(days=1))) == [0, 1]


def test_static_values_count_even_without_sales():
    assert changed_rows(panel(static={"category": np.array(["bread", "cake", "cake"])})) == [1, 2]


def test_names_of_columns_count_and_their_order_does_not():
    promo = panel().known["promo"]
    assert changed_rows(panel(known={"holiday": promo})) == [0, 1, 2]
    one = panel(known={"a": promo, "b": 1 - promo})
    other = panel(known={"b": 1 - promo, "a": promo})
    assert one.content_hashes() == other.content_hashes()


def test_what_is_known_ahead_counts_only_when_wanted():
    later = panel().known["promo"].copy()
    later[:, 7] = 1
    assert changed_rows(panel(known={"promo": later})) == [0, 1]
    assert changed_rows(panel(known={"promo": later}), with_future=False) == []

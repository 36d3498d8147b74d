"""What a feature row says, on sequential sales: day n sells n, so that a leak is visible to the eye."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from forecast_assets.forecasting.core.features import RHYTHMS, calendar_of, matrix, names, prepare
from forecast_assets.forecasting.core.frequency import DAY

RHYTHM = RHYTHMS["day"]
DAYS, AHEAD = 420, 28
START = date(2025, 1, 1)  # a Wednesday

NAN = float("nan")


def sequential() -> np.ndarray:
    return np.arange(DAYS, dtype=np.float32)[None]


def features_at(values, origin, step, known=None, codes=None):
    """Return {name: value} of one row of the first series."""
    block = prepare(values, known or {}, codes or {}, calendar_of(DAY.dates(START, 0, DAYS + AHEAD)), RHYTHM)
    row = matrix(block, np.array([0]), np.array([origin]), np.array([[step]]))[0]
    roles = {name: role for name, (role, _, _) in (known or {}).items()}
    return dict(zip(names(RHYTHM, roles, codes or {}), row.tolist(), strict=True)), block


def level_at(block, origin):
    return block.level(np.array([0]), np.array([origin]))[0]


def test_a_mean_ends_the_day_before_the_origin():
    features, block = features_at(sequential(), 400, 1)
    level = level_at(block, 400)
    assert features["mean_7"] * level == pytest.approx(np.arange(393, 400).mean())
    assert features["mean_364"] * level == pytest.approx(np.arange(36, 400).mean())
    assert features["last"] * level == pytest.approx(399)
    assert features["log_level"] == pytest.approx(np.log(level))


@pytest.mark.parametrize(("step", "newest"), [(1, 393), (7, 399), (8, 393), (14, 399), (28, 399)])
def test_the_same_weekday_is_the_newest_one_before_the_origin(step, newest):
    features, block = features_at(sequential(), 400, step)
    level = level_at(block, 400)
    assert features["weekday_mean_1"] * level == pytest.approx(newest)
    assert features["weekday_mean_4"] * level == pytest.approx(newest - 10.5)
    assert features["weekday_mean_8"] * level == pytest.approx(newest - 24.5)


def test_a_year_ago_is_the_same_weekday():
    features, block = features_at(sequential(), 400, 3)
    assert features["year_ago"] * level_at(block, 400) == pytest.approx(402 - 364)
    assert features["weekday"] == (date(2025, 1, 1).weekday() + 402) % 7


@pytest.mark.parametrize("origin", [10, 100, 400])
def test_nothing_at_or_after_the_origin_is_read(origin):
    clean = sequential()
    scrambled = clean.copy()
    scrambled[:, origin:] = np.random.default_rng(3).uniform(0, 1e6, scrambled[:, origin:].shape)
    flag = (np.arange(DAYS + AHEAD) % 5 == 0).astype(np.float32)[None]
    known = {"promo": ("flag", None, flag), "price": ("price", None, flag + 1)}
    for step in (1, 7, 8, 28):
        before, _ = features_at(clean, origin, step, known)
        after, _ = features_at(scrambled, origin, step, known)
        np.testing.assert_equal(after, before)


def test_days_that_were_not_observed_do_not_count_as_zero():
    values = sequential()
    values[0, 390:399] = np.nan
    features, block = features_at(values, 400, 1)
    assert features["mean_7"] * level_at(block, 400) == pytest.approx(399)
    assert features["zeros_28"] == 0
    assert features_at(values, 398, 1)[0]["last"] * level_at(block, 398) == pytest.approx(389)


def test_a_silent_week_is_told_by_its_zeros_and_the_days_since_the_last_sale():
    values = sequential()
    values[0, 393:] = 0
    features, _ = features_at(values, 400, 1)
    assert (features["zeros_28"], features["days_since_sale"]) == (0.25, 8)


def test_a_young_series_knows_its_age_and_has_a_level():
    values = sequential()
    values[0, :397] = np.nan
    features, block = features_at(values, 400, 1)
    assert features["age"] == 3
    assert level_at(block, 400) == pytest.approx(398)
    assert np.isnan(features["year_ago"])


def test_a_price_is_compared_with_what_was_usual_at_the_origin():
    price = np.full((1, DAYS + AHEAD), 4, np.float32)
    price[0, 400:] = 3
    features, _ = features_at(sequential(), 400, 1, {"price": ("price", None, price)})
    assert (features["known.price"], features["known.price:ratio"]) == (3, 0.75)


def test_a_flag_recalls_what_such_days_sold():
    flag = np.zeros((1, DAYS + AHEAD), np.float32)
    flag[0, [100, 200, 401]] = 1
    known = {"promo": ("flag", None, flag)}
    features, block = features_at(sequential(), 400, 2, known)
    assert features["known.promo:like"] * level_at(block, 400) == pytest.approx(150)
    features, block = features_at(sequential(), 400, 1, known)
    others = np.delete(np.arange(36, 400), [100 - 36, 200 - 36])
    assert features["known.promo:like"] * level_at(block, 400) == pytest.approx(others.mean())


def test_a_row_has_the_same_bytes_whatever_stands_beside_it():
    draw = np.random.default_rng(4)
    values = draw.gamma(0.5, 3, (40, DAYS)).astype(np.float32)
    values[draw.random(values.shape) < 0.2] = np.nan
    price = draw.uniform(1, 2, (40, DAYS + AHEAD)).astype(np.float32)
    flag = (price > 1.7).astype(np.float32)
    calendar = calendar_of(DAY.dates(START, 0, DAYS + AHEAD))
    steps = np.tile(np.arange(1, AHEAD + 1), (40, 1))

    def built(rows):
        known: dict[str, Any] = {"price": ("price", 3, price[rows]), "promo": ("flag", None, flag[rows])}
        block = prepare(values[rows], known, {}, calendar, RHYTHM)
        return matrix(block, np.arange(len(rows)), np.full(len(rows), 400), steps[: len(rows)])

    whole = built(np.arange(40)).reshape(40, AHEAD, -1)
    shuffled = draw.permutation(40)
    assert built(shuffled).tobytes() == whole[shuffled].tobytes()
    for row in range(40):
        assert built(np.array([row])).tobytes() == whole[row].tobytes()


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("price", [400, 401, 401]),
        ("carried", [400, 401, 401]),
        ("flag", [400, 401, 0]),
        ("number", [400, 401, NAN]),
    ],
)
def test_a_plan_is_read_as_far_as_it_reaches_and_filled_as_its_role_says(role, expected):
    plan = np.arange(DAYS + AHEAD, dtype=np.float32)[None]
    values = [
        features_at(sequential(), 400, step, {"x": (role, 2, plan)})[0]["known.x"] for step in (1, 2, 3)
    ]
    np.testing.assert_array_equal(values, expected)


def test_the_calendar_counts_down_to_the_end_of_the_year():
    weekday, day_of_month, sine, cosine, left = calendar_of(DAY.dates(date(2024, 12, 31), 0, 2)).T
    assert weekday.tolist() == [1, 2]
    assert day_of_month.tolist() == [31, 1]
    assert left.tolist() == [1, 365]
    assert (sine[1], cosine[1]) == (0, 1)

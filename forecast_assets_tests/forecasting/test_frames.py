"""What a row of a feature frame may know: sequential values make a leak visible to the eye."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.frames import ON, PACKS, check_packs, frame
from forecast_assets_tests.forecasting.awkward import awkward_units, panel_of

NAN = np.nan
V1 = (
    *("lag_1", "lag_7", "lag_14", "lag_28"),
    *("dow_sin", "dow_cos", "month_sin", "month_cos", "is_weekend", "is_month_end"),
    *("price_factor", "promo_active", "is_holiday", "days_since_launch"),
)
DAYS, HORIZON = 120, 14


def counting(origin: int = DAYS):
    """One series that sells n on day n, day 0 being the first of January 2024, a Monday."""
    return panel_of(np.arange(DAYS, dtype=np.float32)[None]), origin


def column(name: str, *, version: int = 2, packs=None, origin: int = DAYS, **known) -> np.ndarray:
    units = np.arange(DAYS, dtype=np.float32)[None]
    rows = {key: np.array([values], np.float32) for key, values in known.items()}
    return frame(replace(panel_of(units), known=rows), origin, HORIZON, version, packs)[name][0]


def test_frame_1_has_its_fourteen_columns_in_their_order():
    panel, origin = counting()
    columns = frame(panel, origin, HORIZON)
    assert tuple(columns) == V1
    assert all(values.shape == (1, DAYS + HORIZON) for values in columns.values())


@pytest.mark.parametrize("lag", [1, 7, 14, 28])
def test_a_lag_is_the_day_so_many_days_before_and_unknown_where_that_is_not_known_at_the_origin(lag):
    values = column(f"lag_{lag}", version=1, origin=100)
    assert values[50] == 50 - lag
    assert np.isnan(values[:lag]).all()
    ahead = values[100:]
    expected = [100 + step - lag if step < lag else NAN for step in range(HORIZON)]
    np.testing.assert_array_equal(ahead, expected)


def test_calendar_columns_are_those_of_the_date():
    assert column("is_weekend", version=1)[:8].tolist() == [0, 0, 0, 0, 0, 1, 1, 0]
    assert np.flatnonzero(column("is_month_end", version=1)).tolist() == [30, 59, 90, 120]
    np.testing.assert_allclose(column("dow_sin", version=1)[[0, 7]], [0, 0], atol=1e-12)
    np.testing.assert_allclose(column("month_cos", version=1)[[0, 30, 31]], [1, 1, np.cos(2 * np.pi / 12)])


def test_price_is_compared_with_the_median_price_known_at_the_origin():
    price = [2.0] * 60 + [4.0] * (DAYS - 60) + [3.0] * HORIZON
    values = column("price_factor", version=1, origin=50, price=price)
    assert values[10] == 1
    assert values[62] == 2, "the price of a later day is the plan, the median is not"


def test_a_plan_that_ends_is_unknown_afterwards():
    values = column("promo_active", version=1, promo=[0.0] * DAYS + [1.0, 0.0])
    np.testing.assert_array_equal(values[DAYS:], [1, 0] + [NAN] * 12)


def test_days_since_launch_count_from_the_first_observed_day():
    units = np.array([[NAN, NAN, 5, 6]], np.float32)
    np.testing.assert_array_equal(
        frame(panel_of(units), 4, 2)["days_since_launch"][0], [NAN, NAN, 0, 1, 2, 3]
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rolling_mean_7", np.mean(range(93, 100))),
        ("rolling_mean_28", np.mean(range(72, 100))),
        ("rolling_median_28", np.median(range(72, 100))),
        ("rolling_std_28", np.std(range(72, 100), ddof=1)),
        ("same_dow_mean_4", np.mean([93, 86, 79, 72])),
        ("same_dow_mean_8", np.mean([93 - 7 * week for week in range(8)])),
        ("slope_30", 1.0),
        ("slope_90", 1.0),
        ("ratio_7_28", np.mean(range(93, 100)) / np.mean(range(72, 100))),
        ("ratio_28_28", np.mean(range(72, 100)) / np.mean(range(44, 72))),
        ("is_mature", 0.0),
        ("is_new", 0.0),
    ],
)
def test_columns_of_frame_2_read_strictly_earlier_days(name, expected):
    assert column(name)[100] == pytest.approx(expected)


def test_a_rolling_window_is_unknown_until_it_is_full_and_past_the_origin():
    values = column("rolling_mean_7", origin=100)
    assert np.isnan(values[:7]).all()
    assert values[7] == 3
    assert values[100] == np.mean(range(93, 100))
    assert np.isnan(values[101:]).all()


def test_days_without_stock_are_those_without_an_observation():
    units = np.ones((1, 40), np.float32)
    units[0, 30:32] = NAN
    columns = frame(panel_of(units), 40, 2, 2, ["inventory"])
    assert columns["is_stockout_lag1"][0, 30:34].tolist() == [0, 1, 1, 0]
    assert columns["stockout_days_7"][0, 37] == 2
    assert columns["inventory_available_ratio_28"][0, 39] == pytest.approx(26 / 28)
    assert np.isnan(columns["is_stockout_lag1"][0, 41])


def test_packs_are_canonical_absent_when_off_and_unknown_when_nothing_is_delivered():
    assert check_packs(2, ["lifecycle", "calendar"]) == ("calendar", "lifecycle")
    assert check_packs(2, None) == ON
    panel, origin = counting()
    assert "is_new" not in frame(panel, origin, HORIZON, 2, ["calendar"])
    weather = frame(panel, origin, HORIZON, 2, ["exogenous_weather"])
    assert list(weather) == ["weather_temp_c", "weather_precip_mm"]
    assert np.isnan(weather["weather_temp_c"]).all()


@pytest.mark.parametrize(
    ("version", "packs", "message"),
    [(1, ["calendar"], "frame 1 has no packs"), (2, [], "no pack is named"), (2, ["prices"], "'prices'")],
)
def test_impossible_packs_are_refused(version, packs, message):
    with pytest.raises(BadSetting, match=message):
        check_packs(version, packs)


@given(seed=st.integers(0, 2**32 - 1), version=st.sampled_from([1, 2]))
@settings(deadline=None, max_examples=6)
def test_nothing_after_the_origin_changes_any_column(seed, version):
    units = awkward_units(seed)
    packs = PACKS if version == 2 else None
    before = frame(panel_of(units), 60, HORIZON, version, packs)
    scrambled = units.copy()
    scrambled[:, 60:] = 1000 - np.nan_to_num(units[:, 60:])
    after = frame(panel_of(scrambled), 60, HORIZON, version, packs)
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name], err_msg=name)

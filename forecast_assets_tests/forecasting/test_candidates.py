"""What every candidate promises, and each one's arithmetic by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.candidates import ets, intermittent
from forecast_assets.forecasting.candidates.baselines import MovingAverage, Naive, SeasonalNaive
from forecast_assets.forecasting.candidates.catalogue import DEFAULT, GLOBAL, local, parse
from forecast_assets.forecasting.candidates.intermittent import TSB, CrostonSBA
from forecast_assets_tests.forecasting.awkward import awkward_units

NAMES = [name for name in DEFAULT if name not in GLOBAL]
CUTOFFS = np.array([8, 37, 62, 83])
HORIZON = 10
NAN = np.nan

every_candidate = pytest.mark.parametrize("name", NAMES)
seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=25)


def same(one, other) -> bool:
    return one.dtype == other.dtype == np.float32 and np.array_equal(one, other, equal_nan=True)


def by_hand(candidate, units, horizon=3):
    """Forecast one series from its end."""
    history = np.array([units], np.float32)
    return candidate.predict(history, np.array([history.shape[1]]), horizon)[0, 0].tolist()


@every_candidate
@given(seed=seeds)
@few
def test_nothing_after_a_cutoff_is_read(name, seed):
    units = awkward_units(seed)
    together = local(name).predict(units, CUTOFFS, HORIZON)
    for fold, cutoff in enumerate(CUTOFFS):
        scrambled = units.copy()
        scrambled[:, cutoff:] = np.random.default_rng(seed).permuted(1000 - units[:, cutoff:], axis=1)
        assert same(together[:, fold], local(name).predict(scrambled, CUTOFFS, HORIZON)[:, fold])
        cut = local(name).predict(units[:, :cutoff], CUTOFFS[fold : fold + 1], HORIZON)
        assert same(together[:, fold], cut[:, 0])


@every_candidate
@given(seed=seeds, size=st.integers(1, 12))
@few
def test_a_series_forecast_never_depends_on_its_neighbours(name, seed, size):
    units = awkward_units(seed)
    order = np.random.default_rng(seed).permutation(len(units))
    together = local(name).predict(units, CUTOFFS, HORIZON)
    assert same(together[order], local(name).predict(units[order], CUTOFFS, HORIZON))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ets, "BLOCK", size)
        patch.setattr(intermittent, "BLOCK", size)
        assert same(together, local(name).predict(units, CUTOFFS, HORIZON))
    for row in range(len(units)):
        assert same(together[row : row + 1], local(name).predict(units[row : row + 1], CUTOFFS, HORIZON))


@every_candidate
@given(seed=seeds, window=st.integers(1, 60))
@few
def test_a_window_forgets_the_days_before_it(name, seed, window):
    units = awkward_units(seed)
    together = local(name).predict(units, CUTOFFS, HORIZON, window)
    for fold, cutoff in enumerate(CUTOFFS):
        seen = units[:, max(0, cutoff - window) : cutoff]
        alone = local(name).predict(seen, np.array([seen.shape[1]]), HORIZON)
        assert same(together[:, fold], alone[:, 0])


@every_candidate
@given(seed=seeds, shift=st.integers(1, 20))
@few
def test_days_before_launch_do_not_exist(name, seed, shift):
    units = awkward_units(seed)
    later = np.pad(units, [(0, 0), (shift, 0)], constant_values=NAN)
    assert same(
        local(name).predict(units, CUTOFFS, HORIZON), local(name).predict(later, CUTOFFS + shift, HORIZON)
    )


@pytest.mark.parametrize("name", ["naive", "croston_sba", "tsb"])
@given(seed=seeds)
@few
def test_an_unobserved_day_changes_no_state(name, seed):
    for series in awkward_units(seed)[:-1]:
        observed = series[~np.isnan(series)]
        np.testing.assert_equal(by_hand(local(name), series), by_hand(local(name), observed))


@every_candidate
@given(seed=seeds)
@few
def test_forecasts_are_numbers_from_zero_up_once_two_weeks_are_known(name, seed):
    units = awkward_units(seed)[[0, 1, 3, 5, 6, 7]]
    units[:, -14:] = np.nan_to_num(units[:, -14:])
    forecast = local(name).predict(units, np.array([units.shape[1]]), HORIZON)
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()


@every_candidate
def test_nothing_known_gives_no_number(name):
    units = np.full((2, 30), NAN, np.float32)
    units[1, 20:] = 1
    assert np.isnan(local(name).predict(units, np.array([0, 20]), 3)).all()
    assert local(name).predict(units, np.array([], np.int64), 3).shape == (2, 0, 3)
    assert local(name).predict(units[:0], np.array([20]), 3).shape == (0, 1, 3)


@every_candidate
def test_one_more_unit_every_day_is_never_foreseen(name):
    units = np.arange(1, 91, dtype=np.float32)[None]
    forecast = local(name).predict(units, CUTOFFS, HORIZON)[0]
    assert (forecast <= CUTOFFS[:, None]).all()


@every_candidate
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"units": np.zeros((2, 30))}, "units must be float32"),
        ({"units": np.zeros(30, np.float32)}, "units must be float32"),
        ({"cutoffs": np.array([20, 20])}, "rise strictly"),
        ({"cutoffs": np.array([31])}, "do not lie in 30 days"),
        ({"horizon": 0}, "at least 1"),
        ({"window": 0}, "at least 1"),
    ],
)
def test_arguments_that_cannot_be_right_are_refused(name, changes, told):
    given = {"units": np.zeros((2, 30), np.float32), "cutoffs": np.array([20]), "horizon": 3}
    with pytest.raises(ValueError, match=told):
        local(name).predict(**(given | changes))


def test_naive_repeats_the_last_observed_day():
    assert by_hand(Naive(), [3, 5, NAN]) == [5, 5, 5]


def test_seasonal_naive_repeats_the_newest_observed_season():
    assert by_hand(SeasonalNaive(season_length=3), [1, 2, 3, 4, NAN, 6], horizon=5) == [4, 2, 6, 4, 2]
    assert by_hand(SeasonalNaive(season_length=4), [NAN, 9, 1, 2, 3]) == [9, 1, 2]
    np.testing.assert_equal(by_hand(SeasonalNaive(season_length=4), [2, 3]), [NAN, NAN, 2])


def test_moving_average_is_the_mean_of_what_was_observed_in_the_window():
    assert by_hand(MovingAverage(window_size=4), [100, 1, NAN, 2, 6]) == [3, 3, 3]
    np.testing.assert_equal(by_hand(MovingAverage(window_size=2), [100, NAN, NAN]), [NAN] * 3)
    assert by_hand(MovingAverage(window_size=2), [100]) == [100] * 3


def test_croston_by_hand():
    # Sizes 2 then 4: 2.2. Waits 2 then 3: 2.1. The last, empty day changes nothing.
    assert by_hand(CrostonSBA(), [0, 2, 0, 0, 4, 0]) == pytest.approx([0.95 * 2.2 / 2.1] * 3)


def test_tsb_by_hand():
    # Chance of a sale: 1, .5, .75. Sizes: 2, then 4.
    assert by_hand(TSB(alpha_d=0.25, alpha_p=0.5), [2, 0, 4]) == pytest.approx([0.75 * 2.5] * 3)


@pytest.mark.parametrize("candidate", [CrostonSBA(), TSB()])
def test_a_product_that_never_sold_is_expected_not_to(candidate):
    assert by_hand(candidate, [0, 0, 0]) == [0, 0, 0]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SeasonalNaive(season_length=0), "season_length is 0\n.*from 1 to 365"),
        (lambda: SeasonalNaive(season_length=366), "season_length is 366"),
        (lambda: MovingAverage(window_size=91), "window_size is 91\n.*from 1 to 90"),
        (lambda: TSB(alpha_d=0), "alpha_d is 0\n.*between 0 and 1"),
        (lambda: TSB(alpha_p=1.0), "alpha_p is 1.0"),
        (lambda: TSB(alpha_p=NAN), "alpha_p is nan"),
        (lambda: TSB(alpha_p=True), "alpha_p is True"),
        (lambda: local("ests"), "'ests' is unknown\n.*did you mean 'ets'"),
        (lambda: local("lightgbm"), "learns from many series"),
        (lambda: parse([]), "no candidate is named\n.*at least one of naive"),
        (lambda: parse("ets"), "is the text 'ets'\n.*list"),
        (lambda: parse(["ets", "naive", "ets"]), "'ets' is named twice"),
        (lambda: parse(["seasonal_niave"]), "did you mean 'seasonal_naive'"),
        (lambda: parse(["transformer9000"]), "is unknown\n.*Known: naive"),
        (lambda: parse(["naive"] * 11), "11 candidates are named\n.*at most 10"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_the_remedy(make, told):
    with pytest.raises(BadSetting, match=told):
        make()


def test_every_default_is_known_and_named_like_itself():
    assert parse(DEFAULT) == DEFAULT
    assert [local(name).name for name in NAMES] == NAMES

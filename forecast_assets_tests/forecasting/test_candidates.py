"""What every candidate promises, and each one's arithmetic by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.candidates import ets, intermittent
from forecast_assets.forecasting.core.candidates.baselines import (
    MovingAverage,
    Naive,
    SeasonalAverage,
    SeasonalNaive,
    WeightedMovingAverage,
)
from forecast_assets.forecasting.core.candidates.catalogue import (
    CATALOGUE,
    DEFAULT,
    candidate,
    entry,
    label_of,
    local,
    parse,
    split,
)
from forecast_assets.forecasting.core.candidates.intermittent import TSB, CrostonSBA
from forecast_assets.forecasting.core.candidates.smoothing import ADIDA, SES
from forecast_assets_tests.forecasting.awkward import awkward_units, predict

NAMES = [name for name, entry in CATALOGUE.items() if entry.scope == "series" and not entry.foreign]
CUTOFFS = np.array([8, 37, 62, 83])
HORIZON = 10
NAN = np.nan

every_candidate = pytest.mark.parametrize("name", NAMES)
seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=10)


def same(one, other) -> bool:
    return one.dtype == other.dtype == np.float32 and np.array_equal(one, other, equal_nan=True)


def by_hand(method, units, horizon=3):
    """Forecast one series from its end."""
    history = np.array([units], np.float32)
    return predict(method, history, np.array([history.shape[1]]), horizon)[0, 0].tolist()


@every_candidate
@given(seed=seeds)
@few
def test_nothing_after_a_cutoff_is_read(name, seed):
    units = awkward_units(seed)
    together = predict(local(name), units, CUTOFFS, HORIZON)
    for fold, cutoff in enumerate(CUTOFFS):
        scrambled = units.copy()
        scrambled[:, cutoff:] = np.random.default_rng(seed).permuted(1000 - units[:, cutoff:], axis=1)
        assert same(together[:, fold], predict(local(name), scrambled, CUTOFFS, HORIZON)[:, fold])
        cut = predict(local(name), units[:, :cutoff], CUTOFFS[fold : fold + 1], HORIZON)
        assert same(together[:, fold], cut[:, 0])


@every_candidate
@given(seed=seeds, size=st.integers(1, 12))
@few
def test_a_series_forecast_never_depends_on_its_neighbours(name, seed, size):
    units = awkward_units(seed)
    order = np.random.default_rng(seed).permutation(len(units))
    together = predict(local(name), units, CUTOFFS, HORIZON)
    assert same(together[order], predict(local(name), units[order], CUTOFFS, HORIZON))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ets, "BLOCK", size)
        patch.setattr(intermittent, "BLOCK", size)
        assert same(together, predict(local(name), units, CUTOFFS, HORIZON))
    for row in range(len(units)):
        assert same(together[row : row + 1], predict(local(name), units[row : row + 1], CUTOFFS, HORIZON))


@every_candidate
@given(seed=seeds, window=st.integers(1, 60))
@few
def test_a_window_forgets_the_days_before_it(name, seed, window):
    units = awkward_units(seed)
    together = predict(local(name), units, CUTOFFS, HORIZON, window)
    for fold, cutoff in enumerate(CUTOFFS):
        begin = max(0, int(cutoff) - window)
        seen = units[:, begin:cutoff]
        alone = predict(local(name), seen, np.array([seen.shape[1]]), HORIZON, first=begin)
        assert same(together[:, fold], alone[:, 0])


@every_candidate
@given(seed=seeds, shift=st.integers(1, 20))
@few
def test_days_before_launch_do_not_exist(name, seed, shift):
    units = awkward_units(seed)
    later = np.pad(units, [(0, 0), (shift, 0)], constant_values=NAN)
    shifted = predict(local(name), later, CUTOFFS + shift, HORIZON, first=-shift)
    if (
        name == "trend_regression_baseline"
    ):  # elapsed days are counted from elsewhere, which rounds differently
        np.testing.assert_allclose(
            predict(local(name), units, CUTOFFS, HORIZON), shifted, rtol=1e-4, atol=1e-4
        )
    else:
        assert same(predict(local(name), units, CUTOFFS, HORIZON), shifted)


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
    needed = 30 if name == "prophet_like" else 14  # a feature frame wants more rows
    units[:, -needed:] = np.nan_to_num(units[:, -needed:])
    forecast = predict(local(name), units, np.array([units.shape[1]]), HORIZON)
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()


@every_candidate
def test_nothing_known_gives_no_number(name):
    units = np.full((2, 30), NAN, np.float32)
    units[1, 20:] = 1
    assert np.isnan(predict(local(name), units, np.array([0, 20]), 3)).all()
    assert predict(local(name), units, np.array([], np.int64), 3).shape == (2, 0, 3)
    assert predict(local(name), units[:0], np.array([20]), 3).shape == (0, 1, 3)


@every_candidate
def test_one_more_unit_every_day_is_never_foreseen(name):
    if name == "prophet_like":
        pytest.skip("a linear model goes on with the line")
    units = np.arange(1, 91, dtype=np.float32)[None]
    forecast = predict(local(name), units, CUTOFFS, HORIZON)[0]
    assert not (forecast > CUTOFFS[:, None]).any()


@every_candidate
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cutoffs": np.array([20, 20])}, "rise strictly"),
        ({"cutoffs": np.array([31])}, "do not lie in 30 days"),
        ({"horizon": 0}, "at least 1"),
        ({"window": 0}, "at least 1"),
    ],
)
def test_arguments_that_cannot_be_right_are_refused(name, changes, message):
    arguments = {"units": np.zeros((2, 30), np.float32), "cutoffs": np.array([20]), "horizon": 3}
    with pytest.raises(ValueError, match=message):
        predict(local(name), **(arguments | changes))


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


def test_weighted_moving_average_trusts_newer_days_more():
    assert by_hand(WeightedMovingAverage(window_size=3), [100, 1, 2, 6]) == pytest.approx(
        [(1 + 4 + 18) / 6] * 3
    )
    assert by_hand(WeightedMovingAverage(window_size=3), [4, NAN, 8]) == pytest.approx([(4 + 24) / 4] * 3)
    halving = WeightedMovingAverage(window_size=2, weight_strategy="exponential", decay=0.5)
    assert by_hand(halving, [9, 3, 6]) == pytest.approx([(1.5 + 6) / 1.5] * 3)


def test_seasonal_average_is_the_mean_of_the_same_place_in_the_last_seasons():
    assert by_hand(SeasonalAverage(season_length=2, lookback_cycles=2), [50, 60, 1, 2, 3, 6]) == [2, 4, 2]
    assert by_hand(SeasonalAverage(season_length=2), [1, 2, NAN, 4]) == [1, 3, 1]
    np.testing.assert_equal(by_hand(SeasonalAverage(season_length=2), [1, 2, 3]), [NAN] * 3)


def test_trimming_drops_the_lowest_and_the_highest_of_at_least_four():
    trimmed = SeasonalAverage(season_length=2, lookback_cycles=4, trim_outliers=True)
    assert by_hand(trimmed, [1, 9, 2, 9, 4, 9, 90, 9])[0] == 3
    assert by_hand(trimmed, [2, 9, 4, 9, 90, 9])[0] == 32


def test_ses_moves_the_level_by_a_share_of_each_error():
    assert by_hand(SES(alpha=0.5), [4, NAN, 8]) == [6, 6, 6]
    assert by_hand(SES(), [5, 5, 5, 5]) == [5, 5, 5]


def test_adida_smooths_blocks_as_long_as_a_sale_takes():
    # One sale in three days: two blocks of three with 3 and 6 units.
    (rate, *_) = by_hand(ADIDA(), [0, 0, 3, 0, 0, 6])
    assert rate == pytest.approx((3 + 0.1 * 3) / 3, rel=1e-6)


def test_croston_by_hand():
    # Sizes 2 then 4: 2.2. Waits 2 then 3: 2.1. The last, empty day changes nothing.
    assert by_hand(CrostonSBA(), [0, 2, 0, 0, 4, 0]) == pytest.approx([0.95 * 2.2 / 2.1] * 3)


def test_tsb_by_hand():
    # Chance of a sale: 1, .5, .75. Sizes: 2, then 4.
    assert by_hand(TSB(alpha_d=0.25, alpha_p=0.5), [2, 0, 4]) == pytest.approx([0.75 * 2.5] * 3)


@pytest.mark.parametrize("method", [CrostonSBA(), TSB(), SES(), ADIDA()])
def test_a_product_that_never_sold_is_expected_not_to(method):
    assert by_hand(method, [0, 0, 0]) == [0, 0, 0]


@pytest.mark.parametrize(
    ("make", "message"),
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
        (
            lambda: parse(["moving_average(window=3)"]),
            "'window' is no parameter of moving_average\n.*window_size",
        ),
        (lambda: parse(["moving_average(window_size=0)"]), "window_size is 0\n.*from 1 to 90"),
        (lambda: parse(["moving_average(window_size=many)"]), "window_size is 'many'"),
        (lambda: parse(["tsb(alpha_d=.1,alpha_d=.2)"]), "alpha_d is given twice"),
        (lambda: parse(["ets)"]), "cannot be read"),
        (lambda: parse(["ets", "ensemble_mean"]), "averages lightgbm, which the evaluation does not run"),
        (lambda: parse(["ensemble_mean(members=ets)"]), "two or more distinct candidates"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_the_remedy(make, message):
    with pytest.raises(BadSetting, match=message):
        make()


def test_every_default_is_known_and_named_like_itself():
    assert parse(DEFAULT) == DEFAULT
    assert [local(name).name for name in NAMES] == NAMES


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("ets", "ets"),
        (" moving_average( window_size = 28 ) ", "moving_average(window_size=28)"),
        ("moving_average(window_size=none)", "moving_average"),
        ("tsb(alpha_p=0.2,alpha_d=0.3)", "tsb(alpha_d=0.3, alpha_p=0.2)"),
        ("seasonal_average(trim_outliers=TRUE)", "seasonal_average(trim_outliers=true)"),
        ("ses(alpha=none)", "ses"),
        ("lightgbm(n_estimators=200)", "lightgbm(n_estimators=200)"),
    ],
)
def test_a_label_has_one_canonical_form(written, canonical):
    assert parse([written]) == (canonical,)
    assert label_of(candidate(canonical)) == canonical


def test_two_candidates_of_one_type_may_differ_in_parameters():
    labels = ("moving_average", "moving_average(window_size=28)")
    assert parse(labels) == labels


def test_a_label_is_read_once():
    assert candidate("moving_average(window_size=7)") is candidate("moving_average(window_size=7)")
    assert entry("ets") is entry("ets")


def test_labels_are_split_outside_their_brackets():
    assert split("ets, tsb(alpha_d=0.3, alpha_p=0.2),naive") == [
        "ets",
        "tsb(alpha_d=0.3, alpha_p=0.2)",
        "naive",
    ]

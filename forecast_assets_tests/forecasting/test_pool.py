"""What all series say together is learned without the fold that it is scored on."""

from dataclasses import replace

import numpy as np
import pytest

from forecast_assets.forecasting.core.blend import BlendWeights, learn_weights, weights_by_fold
from forecast_assets.forecasting.core.error_learning import FoldErrors
from forecast_assets.forecasting.core.fold_distributions import distribution_sums
from forecast_assets.forecasting.core.lead_time import LeadTables, window_sums
from forecast_assets.forecasting.core.pool import Pool, learn_pool
from forecast_assets.forecasting.core.prediction import own_errors
from forecast_assets.forecasting.core.stock import Rule, RuleRecord, Service, cover, deviations, stock_inputs

SERIES, FOLDS, DAYS = 160, 4, 14
MEMBERS = ("good", "bad")


def sales(seed: int = 0):
    """Poisson demand (n, k, h) of rising means, and two members: the mean itself, and twice of it."""
    draw = np.random.default_rng(seed)
    mean = np.broadcast_to(np.linspace(0.2, 20, SERIES)[:, None, None], (SERIES, FOLDS, DAYS))
    actual = draw.poisson(mean).astype(np.float32)
    return actual, {"good": mean.astype(np.float32), "bad": (2 * mean).astype(np.float32)}


@pytest.fixture(scope="module")
def pool() -> Pool:
    actual, forecasts = sales()
    folds = np.ones((SERIES, FOLDS), bool)
    classes = ["smooth"] * (SERIES - 1) + [None]
    return learn_pool(forecasts, {"blend": MEMBERS}, FoldErrors.of(actual, folds, classes), reasons={})


def test_the_weights_prefer_the_member_that_errs_less(pool: Pool):
    rows = pool.blends["blend"].by_class["smooth"]
    assert rows.shape == (FOLDS + 1, 2)
    assert np.allclose(rows.sum(axis=1), 1)
    assert (rows[:, 0] > 0.8).all()


def test_weights_of_a_fold_do_not_depend_on_what_was_sold_in_it():
    actual, forecasts = sales()
    members = np.stack([forecasts[name] for name in MEMBERS])
    before = weights_by_fold(actual, members, np.ones_like(actual, bool))
    actual[:, 2] *= 100
    after = weights_by_fold(actual, members, np.ones_like(actual, bool))
    assert (before[2] == after[2]).all()
    assert (before[-1] != after[-1]).any()


@pytest.mark.parametrize(("worse", "share"), [(1.02, 0.95), (1.2, 0.1), (3.0, 0.0)])
def test_weights_are_drawn_to_a_global_model_as_far_as_folds_are_hardly_worse(worse, share):
    actual, forecasts = sales()
    member = actual + worse * (forecasts["good"] - actual)
    learned = learn_weights(
        ("ets", "lightgbm"),
        np.stack([forecasts["good"], member]),
        actual,
        np.ones_like(actual, bool),
        [None] * SERIES,
    )
    assert learned.by_class["all"][:, 1] == pytest.approx(share)


def test_errors_are_as_wide_as_those_of_their_class():
    actual, drawn_forecasts = sales()
    forecasts = {"ets": drawn_forecasts["good"]}
    wild = np.arange(SERIES) % 2 == 1
    noise = np.random.default_rng(2).gamma(1, 1, actual.shape)
    actual = np.where(wild[:, None, None], np.round(actual * noise), actual).astype(np.float32)
    folds = np.ones((SERIES, FOLDS), bool)
    classes = ["lumpy" if one else "smooth" for one in wild]
    learned = learn_pool(forecasts, {}, FoldErrors.of(actual, folds, classes), reasons={})
    errors = learned.errors["ets"]
    assert errors.spreads["smooth"][-1] < 0.9
    assert errors.spreads["lumpy"][-1] > 1.1
    own = own_errors(learned, "ets", forecasts, actual=actual, folds=folds, classes=classes)
    spread = np.array([one.spread for one in own])
    assert spread[wild].mean() > 1.2 * spread[~wild].mean()
    assert len(errors.spreads["lumpy"]) == FOLDS + 1
    assert Pool.from_json(learned.text).errors["ets"].spreads == errors.spreads


def test_threads_change_no_byte_of_a_pool(pool: Pool):
    actual, forecasts = sales()
    folds, classes = np.ones((SERIES, FOLDS), bool), ["smooth"] * (SERIES - 1) + [None]
    again = learn_pool(
        forecasts, {"blend": MEMBERS}, FoldErrors.of(actual, folds, classes), reasons={}, threads=3
    )
    assert again.text == pool.text


def test_medians_of_a_fold_do_not_depend_on_what_was_sold_in_it(pool: Pool):
    actual, forecasts = sales()
    actual[:, 1] += 50
    folds, classes = np.ones((SERIES, FOLDS), bool), ["smooth"] * (SERIES - 1) + [None]
    other = learn_pool(forecasts, {"blend": MEMBERS}, FoldErrors.of(actual, folds, classes), reasons={})
    mine, theirs = (one.medians("good", forecasts["good"]) for one in (pool, other))
    assert (mine[:, 1] == theirs[:, 1]).all()
    assert (mine[:, 0] != theirs[:, 0]).any()


def test_a_blend_goes_on_without_a_member_that_gives_no_number():
    weights = BlendWeights(MEMBERS, {"all": np.array([[0.5, 0.5]])})
    none = np.full((2, 3), np.nan, np.float32)
    some = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    assert (weights.curve([some, none], ["smooth", None]) == some).all()
    assert np.isnan(weights.curve([none, none], [None, None])).all()


def test_members_count_the_same_where_there_is_nothing_to_learn_from():
    actual, forecasts = sales()
    members = np.stack([forecasts[name] for name in MEMBERS])
    nothing = np.zeros_like(actual, bool)
    assert (learn_weights(MEMBERS, members, actual, nothing, [None] * SERIES).by_class["all"] == 0.5).all()


def test_a_pool_read_back_says_the_same(pool: Pool):
    again = Pool.from_json(pool.text)
    assert again.digest == replace(again).digest == pool.digest
    assert pool.digest is pool.digest, "worked out once, since every series asks for it"
    curve = sales()[1]["good"]
    assert (again.medians("good", curve) == pool.medians("good", curve)).all()


def test_the_digest_does_not_depend_on_the_order_of_classes_which_differs_between_processes(pool: Pool):
    turned = {
        label: replace(one, rules=dict(reversed(list(one.rules.items()))))
        for label, one in pool.errors.items()
    }
    assert any(len(one.rules) > 1 for one in turned.values())
    assert replace(pool, errors=turned).digest == pool.digest


def test_too_few_errors_are_a_reason_and_no_table():
    actual, forecasts = sales()
    part = {name: values[:2] for name, values in forecasts.items()}
    small = learn_pool(
        part,
        {},
        FoldErrors.of(actual[:2], np.ones((2, FOLDS), bool), [None] * 2),
        reasons={"slow": "left out"},
    )
    assert not small.errors
    assert "too few errors" in small.reasons["good"]
    assert small.reasons["slow"] == "left out"


def test_sums_over_a_closed_day_count_and_over_a_closed_week_do_not():
    values = np.arange(1, 8, dtype=np.float32)[None]
    usable = np.array([[True, True, False, True, True, True, True]])
    sums, counted = window_sums(values, usable, 3)
    assert sums.tolist() == [[3, 6, 9, 15, 18]]
    assert counted.all()
    assert not window_sums(values, np.zeros_like(usable), 3)[1].any()


def test_demand_over_a_lead_time_covers_as_often_as_it_says(pool: Pool):
    _, forecasts = sales()
    fresh, _ = sales(seed=5)
    for days in (3, 7, 10, 14):
        sums = forecasts["good"][:, 0, :days].sum(axis=1).astype(np.float64)
        stock = pool.errors["good"].lead.quantiles(sums, days, np.array([0.9, 0.98]))
        covered = (fresh[:, :, :days].sum(axis=2)[..., None] <= stock[:, None]).mean(axis=(0, 1))
        assert covered == pytest.approx([0.9, 0.98], abs=0.05), days


def test_lead_times_beyond_the_folds_grow_between_the_root_of_days_and_days(pool: Pool):
    lead = pool.errors["good"].lead
    assert lead.extrapolates(20)
    assert not lead.extrapolates(14)
    sums = np.array([100.0])
    near, far = (lead.quantiles(sums, days, np.array([0.95]))[0, 0] - 100 for days in (14, 56))
    assert near <= far <= 2.01 * near
    with pytest.raises(ValueError, match="no lead time"):
        LeadTables({}).quantiles(sums, 7, np.array([0.5]))


def test_the_rule_of_thumb_is_seen_to_miss_its_service_and_is_not_chosen(pool: Pool):
    record = pool.errors["good"].rules["smooth"]
    near = record.nearest("rule_of_thumb", 7, 0.95)
    assert near is not None
    days, level, service = near
    assert (days, level) == (7, 0.95)
    assert service.share is not None
    assert service.share < 0.8
    assert record.chosen in {"pooled", "own", "blend", "daily", "interval"}


def test_the_history_of_a_series_says_how_far_its_demand_lies_from_its_mean():
    calm, wild = np.full(60, 5.0), np.tile([0.0, 0.0, 15.0], 20)
    history = np.stack([calm, wild, np.full(60, np.nan)]).astype(np.float32)
    lay = deviations(history, 2, np.array([0.5, 0.99]))
    assert lay[0].tolist() == [0, 0]
    assert lay[1].tolist() == pytest.approx([5.0, 5.0], abs=0.3), "two of three pairs of days hold a sale"
    assert np.isnan(lay[2]).all(), "nothing was observed"
    assert np.isnan(deviations(history[:, :15], 7, np.array([0.5]))).all(), "too few windows"


def test_the_blend_of_rules_moves_own_errors_towards_the_history_of_the_series(pool: Pool):
    errors = pool.errors["good"]
    sums, levels = np.array([70.0, 70.0]), np.array([0.95])
    swings = np.tile([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 70.0, 140.0], 20)[:154]
    history = np.stack([swings, np.full(154, np.nan)]).astype(np.float32)
    inputs = stock_inputs(errors.tables[-1], np.full((2, 14), 10.0), np.ones(2), history)
    own, blend = (cover(rule, errors.lead, inputs, sums, 7, levels) for rule in ("own", "blend"))
    assert blend[0, 0] > own[0, 0]
    assert blend[1, 0] == own[1, 0], "a series without a history keeps its errors"
    daily, blend = (cover(rule, LeadTables({}), inputs, sums, 7, levels) for rule in ("daily", "blend"))
    assert blend[0, 0] > daily[0, 0], "without tables of lead times its daily errors are moved"
    assert blend[1, 0] == daily[1, 0]


def test_too_few_windows_to_compare_rules_leave_the_choice_to_the_blend():
    few: dict[tuple[Rule, int, float], Service] = {
        ("daily", 7, level): Service(100, 100) for level in (0.9, 0.95, 0.98)
    }
    assert RuleRecord(few, {"daily": 0.1}).chosen == "blend"


@pytest.mark.parametrize(
    ("missing", "cost", "chosen"),
    [
        (0.1, 1.2, "pooled"),
        (0.025, 1.6, "interval"),
        (0.01, 1.8, "interval"),
        (0.01, 1.9, "pooled"),
        (0.0, 1.9, "interval"),
    ],
)
def test_each_missing_point_of_service_counts_as_8_percent_of_the_cost_of_a_rule(missing, cost, chosen):
    offs: dict[Rule, float] = {"pooled": 0.0, "interval": missing}
    service = {
        (rule, 7, level): Service(round(1000 * (level - off)), 1000)
        for rule, off in offs.items()
        for level in (0.9, 0.95, 0.98)
    }
    record = RuleRecord(service, {"pooled": 2.0, "interval": cost})
    assert record.chosen == chosen
    assert replace(record, service={}).nearest("pooled", 7, 0.95) is None


def named(pool: Pool):
    """The pool and its forecasts under names of the catalogue."""
    actual, forecasts = sales()
    names = {"ets": "good", "naive": "bad"}
    errors = {name: pool.errors[member] for name, member in names.items()}
    return replace(pool, errors=errors), actual, {name: forecasts[one] for name, one in names.items()}


def test_distributions_of_a_fold_are_judged_without_what_was_sold_in_it(pool: Pool):
    pool, actual, forecasts = named(pool)
    folds, classes = np.ones((SERIES, FOLDS), bool), ["smooth"] * (SERIES - 1) + [None]
    judged = {
        label: distribution_sums(pool, label, forecasts, actual=actual, folds=folds, classes=classes)
        for label in ("ets", "naive", "tsb")
    }
    good, bad = judged["ets"], judged["naive"]
    assert good is not None
    assert bad is not None
    assert judged["tsb"] is None
    days = actual.size
    assert 0.8 <= good.inside_80.sum() / days <= 0.93  # whole units: a closed interval holds more
    assert 0.95 <= good.inside_95.sum() / days <= 0.99
    assert 0.93 <= good.covered.sum() / good.windows.sum() <= 0.98
    assert abs(good.missed.sum()) < 0.02 * actual.sum()
    # What is always twice too high is learned: its quantiles are as good as those of the truth.
    assert bad.loss.sum() == pytest.approx(good.loss.sum(), rel=0.01)
    again = actual.copy()
    again[0, 1] += 500
    shifted = distribution_sums(pool, "ets", forecasts, actual=again, folds=folds, classes=classes)
    assert shifted is not None
    assert (shifted.loss[1:] == good.loss[1:]).all()
    assert shifted.loss[0, 1] > good.loss[0, 1]


def test_days_that_are_not_scored_and_lead_times_beyond_the_folds_are_left_out(pool: Pool):
    pool, actual, forecasts = named(pool)
    folds = np.ones((SERIES, FOLDS), bool)
    folds[:, 0] = False
    actual[3, 1, :] = np.nan
    sums = distribution_sums(pool, "ets", forecasts, actual=actual, folds=folds, classes=["smooth"] * SERIES)
    assert sums is not None
    assert (sums.loss[:, 0] == 0).all()
    assert sums.windows[3, 1] == 0
    assert sums.windows[4, 1] == DAYS - 6
    short = {name: values[..., :5] for name, values in forecasts.items()}
    weekly = distribution_sums(
        pool, "ets", short, actual=actual[..., :5], folds=folds, classes=["smooth"] * SERIES
    )
    assert weekly is not None
    assert np.isnan(weekly.windows).all()

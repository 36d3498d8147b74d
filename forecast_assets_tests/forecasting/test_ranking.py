"""The ranking of many series at once is the ranking a person would write for one."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.metrics import CHAIN, METRICS
from forecast_assets.forecasting.core.ranking import (
    RankingPolicy,
    Scores,
    chosen_by,
    confidence,
    exclusion,
    rank,
)

NAMES = ("naive", "ets", "tsb")
# Few values, so that ties are common.
ERROR = st.sampled_from([0.0, 1.0, 2.0, -1.0, math.inf, math.nan])


def scores(cells: list[list[dict[str, float]]]) -> Scores:
    """One line per candidate, one cell per series."""

    def matrix(name: str) -> np.ndarray:
        return np.array([[cell.get(name, 1.0) for cell in line] for line in cells], dtype=float)

    return Scores(
        candidates=NAMES[: len(cells)],
        **{name: matrix(name) for name in METRICS},
        sample_size=matrix("sample_size").astype(np.int64),
        fold_wape=np.array(
            [[cell.get("fold_wape", [cell.get("wape", 1.0)] * 2) for cell in line] for line in cells]
        ),
    )


def by_hand(metrics: Scores, policy: RankingPolicy, series: int) -> list[str]:
    """Names of one series' ranked candidates, the best first."""
    chain = [policy.metric, *(name for name in CHAIN if name != policy.metric)]
    sold = any(math.isfinite(value) for value in metrics.wape[:, series])
    entries = []
    for row, name in enumerate(metrics.candidates):
        values = {metric: float(getattr(metrics, metric)[row, series]) for metric in CHAIN}
        if not sold:
            values["wape"] = values["mae"]
        enough = metrics.sample_size[row, series] >= policy.minimum_sample_size
        if enough and all(math.isfinite(value) for value in values.values()):
            entries.append(([abs(values[metric]) for metric in chain], name))
    return [name for _, name in sorted(entries)]


@given(
    cells=st.integers(1, 4).flatmap(
        lambda series: st.lists(
            st.lists(
                st.fixed_dictionaries(
                    {name: ERROR.map(abs) for name in ("wape", "smape", "mae")}
                    | {"bias": ERROR, "sample_size": st.integers(0, 3)}
                ),
                min_size=series,
                max_size=series,
            ),
            min_size=1,
            max_size=3,
        )
    ),
    metric=st.sampled_from(CHAIN),
    least=st.integers(0, 2),
)
def test_ranks_of_all_series_are_those_of_each(cells, metric, least):
    metrics, policy = scores(cells), RankingPolicy(metric=metric, minimum_sample_size=least)
    ranking = rank(metrics, policy)
    for series in range(metrics.wape.shape[1]):
        expected = by_hand(metrics, policy, series)
        rank_by_candidate = {
            name: int(ranking.rank[row, series]) for row, name in enumerate(metrics.candidates)
        }
        assert {name: place for name, place in rank_by_candidate.items() if place} == {
            name: place for place, name in enumerate(expected, 1)
        }
        winner = ranking.winner[series]
        assert (metrics.candidates[winner] if winner >= 0 else None) == (expected[0] if expected else None)
        assert (ranking.runner_up[series] >= 0) == (len(expected) > 1)


def test_equal_candidates_are_told_apart_by_name():
    metrics = scores([[{}], [{}], [{}]])
    assert rank(metrics, RankingPolicy()).rank[:, 0].tolist() == [2, 1, 3]


def test_lead_is_relative_to_the_runner_up_and_zero_where_that_is_perfect():
    metrics = scores(
        [[{"wape": 20.0}, {"wape": 0.0}, {"wape": math.inf}], [{"wape": 16.0}, {"wape": 0.0}, {}]]
    )
    lead = rank(metrics, RankingPolicy()).lead
    assert lead[:2].tolist() == [pytest.approx(0.2), 0.0]
    assert math.isnan(lead[2]), "there is no runner-up"


@pytest.mark.parametrize(
    ("facts", "level", "expected_words"),
    [
        ({"valid": 1, "limited": "x", "lead": 0.5}, "low", "only one candidate"),
        ({"limited": "40 observed days", "lead": 0.5}, "low", "40 observed days"),
        ({"bias": -6.0, "lead": 0.5}, "low", "bias of -6.00 a day is beyond 5"),
        ({"lead": 0.0199}, "low", "near tie: 2.0 % ahead"),
        ({"lead": -0.3}, "low", "30.0 % behind the runner-up"),
        ({"lead": 0.02}, "medium", "2.0 % ahead"),
        ({"lead": 0.0999}, "medium", "10.0 % ahead"),
        ({"lead": 0.1}, "high", "10.0 % ahead"),
        ({"lead": 0.0, "wape": 0.0}, "high", "no fold has an error"),
        ({"lead": 0.0, "wape": 0.0, "limited": "40 observed days"}, "low", "40 observed days"),
        ({"lead": 0.0, "wape": 0.1}, "low", "near tie"),
    ],
)
def test_first_confidence_rule_that_fits_decides(facts, level, expected_words):
    arguments = {"valid": 3, "limited": None, "bias": 0.0, **facts}
    confidence_level, why = confidence(**arguments, policy=RankingPolicy(max_abs_bias=5))
    assert confidence_level == level
    assert expected_words in why


def test_exclusion_names_the_size_or_the_missing_forecast():
    metrics = scores([[{"sample_size": 3}], [{"wape": math.nan}]])
    policy = RankingPolicy(minimum_sample_size=4)
    assert exclusion(metrics, 0, 0, policy) == "3 scored days, at least 4 are asked for"
    assert exclusion(metrics, 1, 0, RankingPolicy()) == "no forecast for at least one metric"


def test_a_series_of_which_no_fold_sold_anything_is_ranked_by_mae():
    cells = [[{"wape": math.nan, "mae": 2.0}], [{"wape": math.nan, "mae": 1.0}]]
    ranking = rank(scores(cells), RankingPolicy())
    assert ranking.rank[:, 0].tolist() == [2, 1]
    level, why = confidence(
        valid=2, limited=None, bias=0.0, lead=float(ranking.lead[0]), policy=RankingPolicy()
    )
    assert level == "low"
    assert "no fold sold anything" in why


DEFENDED = RankingPolicy(name="default_with_margin", default="ets", margin=0.1)


def champions(cells: list[list[dict]], policy: RankingPolicy, names: tuple[str, ...]) -> list[str]:
    ranking = rank(replace(scores(cells), candidates=names), policy)
    return [names[row] for row in ranking.winner]


@pytest.mark.parametrize(
    ("wape", "fold_wape", "winner"),
    [
        (9.5, [9.0, 10.0], "ets"),  # not clearly better
        (8.0, [5.0, 11.0], "ets"),  # clearly, but not in every fold
        (8.0, [7.0, 9.0], "ses"),
        (8.0, [7.0, math.nan], "ses"),  # only one fold counts
    ],
)
def test_a_default_is_replaced_only_by_one_that_is_clearly_better_in_every_fold(wape, fold_wape, winner):
    own = [10.0, 10.0] if not math.isnan(fold_wape[1]) else [10.0, math.nan]
    cells = [[{"wape": 10.0, "fold_wape": own}], [{"wape": wape, "fold_wape": fold_wape}]]
    assert champions(cells, DEFENDED, ("ets", "ses")) == [winner]


def test_a_baseline_is_no_challenger_of_a_default():
    cells = [[{"wape": 10.0}], [{"wape": 1.0}]]
    assert champions(cells, DEFENDED, ("ets", "naive")) == ["ets"]
    assert champions(cells, RankingPolicy(), ("ets", "naive")) == ["naive"]


def test_without_a_ranked_default_the_first_rank_wins():
    cells = [[{"wape": math.inf}], [{"wape": 5.0}], [{"wape": 4.0}]]
    assert champions(cells, DEFENDED, ("ets", "ses", "naive")) == ["naive"]


def test_the_model_that_a_blend_leans_on_is_no_runner_up_where_there_is_another():
    cells, names = [[{"wape": 10.0}], [{"wape": 9.9}], [{"wape": 12.5}]], ("blend", "lightgbm", "ets")
    policy = RankingPolicy(name="default_with_margin", default="blend")
    ranking = rank(replace(scores(cells), candidates=names), policy)
    assert (ranking.winner[0], ranking.runner_up[0], ranking.lead[0]) == (0, 2, pytest.approx(0.2))
    alone = rank(replace(scores(cells[:2]), candidates=names[:2]), policy)
    assert (alone.winner[0], alone.runner_up[0]) == (0, 1), "nobody else is there"


def test_the_runner_up_of_a_kept_default_is_the_lowest_error():
    cells = [[{"wape": 10.0}], [{"wape": 9.5}], [{"wape": 12.0}]]
    ranking = rank(replace(scores(cells), candidates=("ets", "ses", "naive")), DEFENDED)
    assert (ranking.winner[0], ranking.runner_up[0]) == (0, 1)
    assert ranking.rank[:, 0].tolist() == [2, 1, 3]
    assert ranking.lead[0] == pytest.approx((9.5 - 10) / 9.5)


def test_intermittent_demand_may_be_ranked_by_squared_errors():
    cells = [[{"wape": 90.0, "rmse": 1.0}] * 2, [{"wape": 80.0, "rmse": 2.0}] * 2]
    policy = RankingPolicy(intermittent_metric="rmse")
    ranking = rank(scores(cells), policy, intermittent=np.array([True, False]))
    assert ranking.winner.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("policy", "champion", "message"),
    [
        (RankingPolicy(), "ets", "lowest_error: the first by wape"),
        (RankingPolicy(intermittent_metric="rmse"), "ets", "lowest_error: the first by rmse"),
        (DEFENDED, "ets", "ets stays; no other is more than 10 % better by wape"),
        (DEFENDED, "ses", "ses takes the place of ets"),
    ],
)
def test_the_rule_that_chose_is_told(policy, champion, message):
    assert message in chosen_by(policy, champion, intermittent=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": "mape"},
        {"name": "best"},
        {"margin": 1.0},
        {"minimum_sample_size": -1},
        {"high_confidence": 1.5},
    ],
)
def test_impossible_policy_is_refused(wrong):
    with pytest.raises(BadSetting):
        RankingPolicy(**wrong)


@pytest.mark.parametrize(
    ("policy", "best"),
    [
        (RankingPolicy(), "naive"),
        (RankingPolicy(metric="wape_bias"), "ets"),
        (RankingPolicy(metric="coverage_80"), "tsb"),
        (RankingPolicy(name="stock_cost", metric="wape_bias"), "tsb"),
    ],
)
def test_any_metric_can_lead_and_the_cost_of_stock_is_a_policy(policy, best):
    cells = [
        {"wape": 10.0, "wape_bias": 30.0, "coverage_80": 99.0, "stock_cost": 9.0},
        {"wape": 12.0, "wape_bias": 13.0, "coverage_80": 60.0, "stock_cost": 8.0},
        {"wape": 14.0, "wape_bias": 20.0, "coverage_80": 81.0, "stock_cost": 7.0},
    ]
    ranking = rank(scores([[cell] for cell in cells]), policy)
    assert NAMES[ranking.winner[0]] == best


def test_without_a_pool_the_cost_of_stock_is_unknown_and_wape_decides():
    unknown = [[{"wape": wape, "stock_cost": math.nan}] for wape in (14.0, 10.0, 12.0)]
    policy = RankingPolicy(name="stock_cost")
    assert NAMES[rank(scores(unknown), policy).winner[0]] == "ets"
    sentence = chosen_by(policy, "ets", intermittent=False, measured=False)
    assert sentence == "stock_cost: the first by wape, as its stock_cost is not known"
    mixed = [[{"wape": 1.0, "stock_cost": math.nan}], [{"wape": 9.0, "stock_cost": 3.0}]]
    assert NAMES[rank(scores(mixed), policy).winner[0]] == "ets"

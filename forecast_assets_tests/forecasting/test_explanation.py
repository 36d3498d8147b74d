"""The words of a choice, to the letter."""

import pytest

from forecast_assets.forecasting.analysis.explanation import (
    CAVEATS,
    INTERMITTENT_RULE,
    Contender,
    explain,
    sentence,
)
from forecast_assets.forecasting.core.decision import BIAS_RULE
from forecast_assets.forecasting.core.ranking import Confidence

ETS = Contender("ets", wape=18.04, smape=21.5, mae=3.333, bias=-0.251)
NAIVE = Contender("seasonal_naive", wape=24.06, smape=28.0, mae=4.0, bias=1.0)
SURE: tuple[Confidence, str] = ("high", "25.0 % ahead of the runner-up in WAPE")
RULE = "lowest_error: the first by wape"
NOTES = ["120 of 124 days observed (97 %), 18.50 units a day on average"]


def test_a_choice_in_full():
    assert explain(
        ETS, NAIVE, confidence=SURE, skill=25.02, policy=RULE, intermittent=False, data_notes=NOTES
    ) == {
        "headline": "ets at 18.0 % WAPE, 25 % better than seasonal naive; seasonal_naive follows at 24.1 %",
        "winner": {"model": "ets", "metrics": "WAPE 18.0 %, sMAPE 21.5 %, MAE 3.33, bias -0.25 a day"},
        "confidence": "high",
        "confidence_reason": "25.0 % ahead of the runner-up in WAPE",
        "policy": RULE,
        "comparison": {
            "runner_up": "seasonal_naive",
            "runner_up_metrics": "WAPE 24.1 %, sMAPE 28.0 %, MAE 4.00, bias +1.00 a day",
            "lead": "ets is 6.0 percentage points of WAPE ahead of seasonal_naive",
        },
        "data_notes": NOTES,
        "caveats": [BIAS_RULE, *CAVEATS],
    }


def test_the_same_numbers_give_the_same_words():
    explanations = [
        explain(ETS, NAIVE, confidence=SURE, skill=25.02, policy=RULE, intermittent=False, data_notes=NOTES)
        for _ in range(2)
    ]
    assert explanations[0] == explanations[1]


def test_nobody_is_explained_by_the_reason_alone():
    why = "unusable: no sales at all"
    assert explain(
        None, None, confidence=("low", why), skill=None, policy=RULE, intermittent=False, data_notes=[]
    ) == {
        "headline": "No champion: unusable: no sales at all",
        "winner": None,
        "confidence": "low",
        "confidence_reason": why,
        "policy": RULE,
        "comparison": None,
        "data_notes": [],
        "caveats": CAVEATS,
    }


def test_wape_on_intermittent_demand_carries_its_warning():
    explanation = explain(
        ETS, NAIVE, confidence=SURE, skill=25.02, policy=RULE, intermittent=True, data_notes=[]
    )
    assert explanation["caveats"] == [BIAS_RULE, INTERMITTENT_RULE, *CAVEATS]


def test_a_single_candidate_is_compared_with_nobody():
    explanation = explain(
        ETS, None, confidence=("low", "only one"), skill=None, policy=RULE, intermittent=False, data_notes=[]
    )
    assert explanation["comparison"] is None
    assert explanation["headline"] == "ets at 18.0 % WAPE"


def test_a_winner_by_another_metric_may_be_behind_in_wape():
    explanation = explain(
        NAIVE, ETS, confidence=("low", "behind"), skill=None, policy=RULE, intermittent=False, data_notes=[]
    )
    assert explanation["comparison"] is not None
    assert explanation["comparison"]["lead"] == "seasonal_naive is 6.0 percentage points of WAPE behind ets"


@pytest.mark.parametrize(
    ("skill", "expected_words"),
    [
        (None, "ets at 18.0 % WAPE"),
        (12.4, "ets at 18.0 % WAPE, 12 % better than seasonal naive"),
        (-12.6, "ets at 18.0 % WAPE, 13 % worse than seasonal naive"),
    ],
)
def test_the_sentence_compares_with_seasonal_naive_where_that_is_known(skill, expected_words):
    assert sentence(ETS, None, skill) == expected_words


def test_seasonal_naive_is_not_compared_with_itself_and_nobody_follows_with_a_lower_error():
    assert (
        sentence(NAIVE, ETS, 0.0)
        == "seasonal_naive at 24.1 % WAPE; second by the rule that chose: ets at 18.0 %"
    )

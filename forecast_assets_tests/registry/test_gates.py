"""What is expected of a champion on new days speaks for or against its version; unknown is neither."""

from typing import Any

import pytest

from forecast_assets.registry.gates import Limits, expected_bias, expected_error, stability

VERSION: Any = {"candidate": "ets"}


def champion(**values: Any) -> Any:
    return {
        "champion": "ets",
        "expected_wape": 40.0,
        "expected_bias": 1.0,
        "claim_reason": None,
        **values,
    }


@pytest.mark.parametrize(
    ("values", "error", "bias"),
    [
        ({}, True, True),
        ({"expected_wape": 100.1}, False, True),
        ({"expected_bias": -2.6}, True, False),
        ({"champion": "naive"}, None, None),
        ({"expected_wape": None, "expected_bias": None, "claim_reason": "evaluate again"}, None, None),
    ],
)
def test_expected_error_and_bias_hold_fail_or_are_unknown(values, error, bias):
    row = champion(**values)
    assert expected_error(VERSION, row, Limits()).passed is error
    assert expected_bias(VERSION, row, 10.0, Limits()).passed is bias


def test_unknown_says_why_and_limits_are_options():
    old = champion(expected_wape=None, claim_reason="chosen by release 0.1: evaluate again")
    assert "chosen by release 0.1: evaluate again" in expected_error(VERSION, old, Limits()).sentence
    assert expected_error(VERSION, champion(), Limits(max_expected_wape=39)).passed is False
    assert expected_error(VERSION, None, Limits()).passed is None
    assert expected_bias(VERSION, champion(), None, Limits()).passed is None


def test_a_champion_without_any_error_is_stable_and_one_without_a_figure_is_not():
    perfect: Any = {"stability": None, "wape": 0.0}
    unmeasured: Any = {"stability": None, "wape": None}
    assert stability(perfect, Limits()).passed
    assert not stability(unmeasured, Limits()).passed

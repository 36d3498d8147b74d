"""Numbers keep the digits that say something, in grams and in tonnes."""

import numpy as np
import pytest

from forecast_assets.rendering.numbers import amount, significant


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0009, 0.0009), (0.00066812345, 0.0006681234), (24.714285714, 24.71429), (45e6, 45e6), (0.0, 0.0)],
)
def test_seven_digits_are_kept_wherever_they_stand(value, expected):
    assert significant(np.array([value, -value])).tolist() == [expected, -expected]


def test_what_is_unknown_stays_unknown():
    assert np.isnan(significant(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("value", "text"), [(1234.56, "1,234.6"), (0.0009, "0.0009"), (0.0, "0.0"), (-0.0012, "-0.0012")]
)
def test_small_amounts_are_no_zeros(value, text):
    assert amount(value) == text

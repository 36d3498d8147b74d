"""Pictures: small, whole, and without a complaint whatever they show."""

import re
from base64 import b64decode
from datetime import date

import numpy as np
import pytest

from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.rendering.plots import fold_plot

DAYS = [DAY.dates(first, 0, 7) for first in (date(2024, 2, 26), date(2024, 3, 4), date(2024, 12, 30))]


def picture(actual, **forecasts) -> bytes:
    text = fold_plot("d__S__P1: actual", DAYS, np.array(actual, np.float32), forecasts)
    match = re.fullmatch(r"!\[d__S__P1: actual\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", text)
    assert match
    return b64decode(match[1])


def test_dates_pass_leap_days_and_years():
    assert str(DAYS[0][3]) == "2024-02-29"
    assert str(DAYS[2][-1]) == "2025-01-05"
    assert [len(dates) for dates in DAYS] == [7, 7, 7]


@pytest.mark.parametrize(
    "actual",
    [
        pytest.param(np.arange(21).reshape(3, 7), id="sales"),
        pytest.param(np.zeros((3, 7)), id="nothing sold"),
        pytest.param(np.full((3, 7), np.nan), id="nothing observed"),
        pytest.param(np.full((3, 7), 1e9), id="a billion a day"),
    ],
)
def test_a_picture_is_a_small_png(actual):
    png = picture(actual, naive=np.ones((3, 7), np.float32))
    assert png.startswith(b"\x89PNG\r\n")
    assert len(png) < 100_000


def test_the_same_numbers_give_the_same_picture():
    assert picture(np.ones((3, 7))) == picture(np.ones((3, 7)))


def test_a_forecast_that_is_no_number_is_left_out():
    broken = np.full((3, 7), np.inf, np.float32)
    assert picture(np.ones((3, 7)), broken=broken, none=np.full((3, 7), np.nan, np.float32))

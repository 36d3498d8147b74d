"""Products like it: never the product itself, and only what had been sold by then."""

from dataclasses import replace

import numpy as np
import pytest

from forecast_assets.global_models.look_alikes import look_alike_curves
from forecast_assets_tests.forecasting.awkward import panel_of


def test_a_series_is_forecast_by_the_others_of_its_product_then_store_then_all():
    keys = ["d__A__milk", "d__A__tea", "d__B__milk", "d__C__milk", "d__D__oil"]
    units = np.array([[2] * 10, [8] * 10, [4] * 10, [9] * 10, [5] * 10], np.float32)
    units[2, 5:] = 100  # not sold yet at the first cutoff
    curves = look_alike_curves(replace(panel_of(units), series=np.array(keys)), np.array([5, 10]), 3)
    assert curves.shape == (5, 2, 3)
    assert (curves == curves[..., :1]).all()
    assert curves[:, 0, 0] == pytest.approx([6.5, 2, 5.5, 3, 5.75])
    assert curves[0, 1, 0] == pytest.approx((52 + 9) / 2)


def test_a_series_that_is_alone_has_nothing_like_it():
    assert np.isnan(look_alike_curves(panel_of(np.ones((1, 9), np.float32)), np.array([5]), 2)).all()

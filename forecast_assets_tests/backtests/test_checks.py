"""The leakage check: passes for what we ship, fails for whoever peeks."""

from dataclasses import replace

import dagster as dg
import numpy as np

from forecast_assets.backtests import checks
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.analysis import leakage
from forecast_assets.forecasting.core import global_model
from forecast_assets.forecasting.core.candidates.baselines import MovingAverage, Naive
from forecast_assets_tests.scenario import HEALTHY, QUICK, many, sales_of, shop

GLOBAL = EvaluationSettings(candidates=("naive", "lightgbm"), horizon=7, n_splits=3, min_train=14)


def no_leakage(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "no_leakage"]
    return check


def test_what_we_ship_does_not_peek(place):
    everything = EvaluationSettings(horizon=7, n_splits=3, min_train=14)
    place.add("many", many(30), evaluation=everything)
    checked = no_leakage(place.build("many"))
    assert checked.passed
    assert checked.severity == dg.AssetCheckSeverity.ERROR
    assert "8 candidates at 3 cutoffs see nothing of the days they are scored on" in str(checked.description)
    assert checked.metadata["leaks"].value == 0


def test_a_candidate_that_peeks_one_day_ahead_is_named_with_its_folds(place, monkeypatch):
    stock = Naive.predict

    def peeking(self, panel, cutoffs, horizon, window=None):
        shifted = np.concatenate([panel.units[:, 1:], panel.units[:, -1:]], axis=1)
        return stock(self, replace(panel, units=shifted), cutoffs, horizon, window)

    monkeypatch.setattr(Naive, "predict", peeking)
    place.add("shop", shop())
    result = place.build("shop")
    checked = no_leakage(result)
    assert not checked.passed
    assert checked.metadata["leaks"].value == 3
    assert checked.description == (
        "these forecasts change with the days they are scored on: "
        "naive in fold 1, naive in fold 2, naive in fold 3"
    )


def test_a_candidate_that_peeks_in_one_fold_only_is_named_with_that_fold(place, monkeypatch):
    stock = MovingAverage.predict

    def peeking(self, panel, cutoffs, horizon, window=None):
        late = cutoffs + (cutoffs == panel.days - 7)
        return stock(self, panel, late, horizon, window)

    monkeypatch.setattr(MovingAverage, "predict", peeking)
    place.add("shop", shop())
    assert "moving_average in fold 3" in str(no_leakage(place.build("shop")).description)


def test_a_global_model_that_peeks_is_found(place, monkeypatch):
    stock = global_model.predict
    monkeypatch.setattr(
        leakage,
        "predict",
        lambda model, panel, threads: stock(model, panel, threads=threads) + panel.units[:, [model.cutoff]],
    )
    place.add("many", many(20), evaluation=GLOBAL)
    assert "lightgbm in fold 1" in str(no_leakage(place.build("many")).description)


def test_models_of_an_older_state_are_not_asked_about_the_folds_of_today(place):
    """Two folds fitted in the first week; four are possible later, when the run fits other folds."""
    settings = GLOBAL.model_copy(update={"n_splits": 4})
    place.add("many", many(20, days=30), evaluation=settings)
    assert place.build("many").success
    place.write("many", many(20, days=56))
    result = place.build("many", n_splits=2)
    assert result.success
    assert no_leakage(result).passed


def test_one_series_is_enough_for_a_sample(place):
    place.add("shop", sales_of(HEALTHY, range(1, 61)), evaluation=QUICK)
    assert "(tried on 1 series)" in str(no_leakage(place.build("shop")).description)
    assert checks.no_leakage

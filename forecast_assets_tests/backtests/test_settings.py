"""Settings of an evaluation: equal ones are comparable, impossible ones are refused by name."""

import pytest

from forecast_assets.backtests.assets import EvaluationConfig
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings, revised


def test_the_defaults_are_those_of_the_product():
    settings = EvaluationSettings()
    assert (settings.horizon, settings.n_splits, settings.min_train, settings.gap) == (14, 5, 30, 0)
    assert (settings.ranking_metric, settings.high_confidence, settings.max_abs_bias) == ("wape", 0.10, 1e9)
    assert len(settings.candidates) == 7


def test_nothing_given_changes_nothing():
    settings = EvaluationSettings(horizon=7)
    assert revised(settings, {}) == revised(settings, {"gap": None, "candidates": None}) == settings


def test_what_is_given_replaces_and_the_rest_stays():
    changed = revised(EvaluationSettings(horizon=7), {"n_splits": 3, "candidates": ["naive"]})
    assert (changed.horizon, changed.n_splits, changed.candidates) == (7, 3, ("naive",))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"horizon": 0}, "horizon"),
        ({"horizon": 91}, "horizon"),
        ({"horizon": "14"}, "horizon"),
        ({"horizon": 14.5}, "horizon"),
        ({"n_splits": 1}, "n_splits"),
        ({"n_splits": 21}, "n_splits"),
        ({"min_train": 6}, "min_train"),
        ({"gap": 14}, "gap is 14 with a horizon of 14"),
        ({"strategy": "rolling"}, "strategy"),
        ({"ranking_metric": "mape"}, "ranking_metric"),
        ({"candidates": []}, "no candidate"),
        ({"candidates": ["naive", "naive"]}, "named twice"),
        ({"candidates": ["naive"] * 11}, "11 candidates"),
        ({"candidates": ["prophet_lik"]}, "unknown"),
        ({"horizn": 7}, "horizn"),
    ],
)
def test_what_is_impossible_is_refused_with_a_remedy(changes, told):
    with pytest.raises(BadSetting, match=told) as refused:
        revised(EvaluationSettings(), changes)
    assert refused.value.remedy


def test_every_setting_counts_for_comparability_and_only_the_folds_for_a_global_model():
    base = EvaluationSettings()
    ranked = base.model_copy(update={"ranking_metric": "mae"})
    longer = base.model_copy(update={"horizon": 13})
    assert EvaluationSettings().hash() == base.hash()
    assert len({base.hash(), ranked.hash(), longer.hash()}) == 3
    assert base.fold_hash() == ranked.fold_hash() != longer.fold_hash()


def test_every_field_of_the_launchpad_explains_itself_and_is_a_setting():
    fields = EvaluationConfig.model_fields
    assert all(field.description for field in fields.values())
    assert set(fields) - {"force"} <= set(EvaluationSettings.model_fields)
    assert EvaluationConfig().changes() == {}

"""Settings of an evaluation: equal ones are comparable, impossible ones are refused by name."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from forecast_assets.backtests.config import EvaluationConfig
from forecast_assets.backtests.jobs import ChangedConfig
from forecast_assets.cli.app import app
from forecast_assets.cli.options import option_names, takes
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.derived import bounds_of
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings, revised, suited_anew
from forecast_assets.forecasting.core.frequency import DAY, MONTH
from forecast_assets.launches.batch.config import BatchConfig, ScopeConfig
from forecast_assets.launches.comparison.config import CompareConfig
from forecast_assets.launches.pipeline.config import PipelineConfig


def test_the_defaults_are_those_of_the_product():
    settings = EvaluationSettings()
    assert (settings.horizon, settings.n_splits, settings.min_train, settings.gap) == (14, 5, 30, 0)
    assert (settings.ranking_metric, settings.high_confidence, settings.max_abs_bias) == ("wape", 0.10, 1e9)
    assert len(settings.candidates) == 8


def test_nothing_given_changes_nothing():
    settings = EvaluationSettings(horizon=7)
    assert revised(settings, {}) == revised(settings, {"gap": None, "candidates": None}) == settings


def test_what_is_given_replaces_and_the_rest_stays():
    changed = revised(EvaluationSettings(horizon=7), {"n_splits": 3, "candidates": ["naive"]})
    assert (changed.horizon, changed.n_splits, changed.candidates) == (7, 3, ("naive",))


@pytest.mark.parametrize(
    ("changes", "message"),
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
def test_what_is_impossible_is_refused_with_a_remedy(changes, message):
    with pytest.raises(BadSetting, match=message) as refused:
        revised(EvaluationSettings(), changes)
    assert refused.value.remedy


def test_every_setting_counts_for_comparability_and_only_the_folds_for_a_global_model():
    base = EvaluationSettings()
    ranked = base.model_copy(update={"ranking_metric": "mae"})
    longer = base.model_copy(update={"horizon": 13})
    assert EvaluationSettings().hash() == base.hash()
    assert len({base.hash(), ranked.hash(), longer.hash()}) == 3
    assert base.fold_hash() == ranked.fold_hash() != longer.fold_hash()


@pytest.mark.parametrize(
    "config", [EvaluationConfig, ChangedConfig, BatchConfig, CompareConfig, PipelineConfig]
)
def test_every_launchpad_offers_every_setting_with_its_bounds_and_explains_it(config):
    settings = EvaluationSettings.model_fields
    for name, field in settings.items():
        offered = config.model_fields[name]
        assert offered.default is None
        assert bounds_of(offered) == bounds_of(field)
        assert field.description in offered.description
    assert not config.model_construct().changes()


@pytest.mark.parametrize(
    ("command", "hidden"),
    [
        ("evaluate", set()),
        ("dataset add", set()),
        ("submit batch", set()),
        ("submit compare", set()),
        # The grid names the candidates, and a leaderboard ranks by error alone.
        ("submit pipeline", {"candidates", "policy"}),
    ],
)
def test_every_command_that_evaluates_offers_every_setting(command, hidden):
    offered = options_of(command)
    for name in EvaluationSettings.model_fields.keys() - hidden:
        assert set(option_names(name)) <= offered, name


@pytest.mark.parametrize("command", ["submit batch", "submit pipeline", "promote"])
def test_every_command_with_a_scope_offers_every_selector(command):
    for name in ScopeConfig.model_fields.keys() - {"dataset"}:
        assert set(option_names(name)) <= options_of(command), name


def options_of(command: str) -> set[str]:
    click_command: Any = typer.main.get_command(app)
    for part in command.split():
        click_command = click_command.commands[part]
    return {spelling for option in click_command.params for spelling in option.opts}


def test_an_option_fills_its_setting(monkeypatch):
    seen = []
    monkeypatch.setattr("forecast_assets.cli.dataset.create", lambda *filled: seen.append(filled))
    options = ["--margin", "0.2", "--ranking-metric", "rmse", "--folds", "3", "--step", "7", "--candidates"]
    several = "naive, moving_average(window_size=14)"
    rules = ["--restrict", "naive: top 3", "--restrict", "naive: smooth", "--anchor", "week"]
    run = CliRunner().invoke(
        app,
        ["dataset", "add", "x", "--preset", "demo_minimal", *options, several, *rules],
        catch_exceptions=False,
    )
    assert run.exit_code == 0, run.output
    (filled,) = seen
    (dataset,) = [one for one in filled if isinstance(one, DatasetOptions)]
    settings = dataset.evaluation
    assert dataset.anchor == "week"
    assert (settings.margin, settings.ranking_metric, settings.n_splits, settings.step) == (0.2, "rmse", 3, 7)
    assert settings.candidates == ("naive", "moving_average(window_size=14)")
    assert settings.restrict == ("naive: top 3", "naive: smooth")


def test_the_lowest_error_of_intermittent_demand_is_that_of_squares_unless_a_metric_is_chosen():
    by_lowest_error = EvaluationSettings(candidates=("naive", "tsb"))
    assert by_lowest_error.ranking_policy().leading(intermittent=True) == "rmse"
    assert by_lowest_error.ranking_policy().leading(intermittent=False) == "wape"
    chosen = EvaluationSettings(candidates=("naive", "tsb"), intermittent_metric="wape")
    assert chosen.ranking_policy().leading(intermittent=True) == "wape"
    assert EvaluationSettings().ranking_policy().leading(intermittent=True) == "wape"


@pytest.mark.parametrize("stores", [["--stores", "S1,S2"], ["--stores", "S1", "--stores", "S2"]])
def test_a_list_is_written_with_commas_or_by_repeating_its_option(stores):
    read: list[BatchConfig] = []

    def command(config: BatchConfig) -> None:
        read.append(config)

    taking = typer.Typer()
    taking.command()(takes(BatchConfig)(command))
    candidates = ["--candidates", "naive,moving_average(window_size=7)", "--candidates", "ets"]
    done = CliRunner().invoke(taking, ["--dataset", "x", "--scope", "manual", *candidates, *stores])
    assert done.exit_code == 0, done.output
    (config,) = read
    assert config.changes()["candidates"] == ["naive", "moving_average(window_size=7)", "ets"]
    assert config.stores == ["S1", "S2"]


def test_another_period_brings_its_usual_folds_except_where_they_were_set():
    suited = suited_anew(EvaluationSettings(n_splits=3), DAY, MONTH)
    assert (suited.horizon, suited.n_splits, suited.min_train) == (MONTH.horizon, 3, MONTH.min_train)

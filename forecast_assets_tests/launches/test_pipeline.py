"""The acceptance checks of the model pipeline, one by one."""

import os
import signal
from typing import Any

import dagster as dg
import numpy as np
import psycopg2
import pytest
import sqlalchemy as sa
from dagster_postgres.utils import DagsterPostgresException

from forecast_assets.error_translation import error_payload, to_forecast_error
from forecast_assets.errors import ForecastError, Outage, TooMany
from forecast_assets.forecasting.core.frequency import FREQUENCIES
from forecast_assets.forecasting.version import code_version
from forecast_assets.launches import lifecycle, records, retries
from forecast_assets.launches.kinds import KINDS
from forecast_assets.launches.model import Launch
from forecast_assets.launches.pipeline import config
from forecast_assets.launches.pipeline import run as pipeline
from forecast_assets.launches.pipeline.config import PipelineConfig, expanded, resolve
from forecast_assets.launches.pipeline.guardrails import SWEEPS, Guardrails, least_sample
from forecast_assets.launches.pipeline.sweep import leaderboard
from forecast_assets_tests.launches.conftest import Launched, launch_of, run
from forecast_assets_tests.scenario import NEVER, SERIES, YOUNG, Place, many

SIMPLE: dict[str, Any] = {
    "dataset": "many",
    "scope": "all",
    "requested_by": "ann",
    "sweep": "quick_baseline_sweep",
    "dry_run": False,
}
ADVANCED: dict[str, Any] = {**SIMPLE, "sweep": None, "mode": "advanced", "grid": ["naive", "ses"]}
LINE = {"sample_size": 100, "skill": 5.0, "relative_bias": -3.0}


def row_of(done: Launched) -> dict[str, Any]:
    return summary_of(launch_of(done.place, done.run_id))


def summary_of(launch: Launch) -> dict[str, Any]:
    parts = ("dataset_run", "backtests", "chosen", "training", "next_steps")
    return {
        **{name: launch.result.get(name) for name in parts},
        "run_id": launch.launch_id,
        "status": pipeline.PIPELINE.word(launch),
        "summary": launch.what,
        "error": launch.error,
        "completed_at": launch.completed_at,
    }


def published(place: Place) -> list[Any]:
    return [place.table("champion"), place.table("evaluation")]


def test_a_dry_run_tells_its_plan_and_does_none_of_it(shopped):
    files = shopped.files()
    done = run(shopped, "pipeline", **{**SIMPLE, "dry_run": True})
    row = row_of(done)
    assert done.result.success
    assert row["status"] == done.outcome == "stopped"
    assert row["summary"].startswith("dry run: it would use the snapshot that is there and try 5 candidates")
    assert row["backtests"] is row["chosen"] is row["training"] is None
    assert shopped.files() == files
    assert "dry_run" in PipelineConfig.model_fields
    assert PipelineConfig.model_fields["dry_run"].default is True


def test_the_simple_mode_goes_from_a_preset_to_a_trained_model_and_publishes_nothing(shopped):
    before = published(shopped)
    row = row_of(run(shopped, "pipeline", **SIMPLE))
    assert row["status"] == "success"
    best, *_ = row["backtests"]["leaderboard"]
    assert (row["chosen"]["config"], row["training"]["candidate"]) == (best["candidate"],) * 2
    assert row["dataset_run"]["reused"] is True
    assert row["training"]["series"] == 12
    assert row["training"]["run_id"] == row["backtests"]["run_ids"][0] == row["run_id"]
    assert "nothing is published" in row["summary"]
    assert row["next_steps"]
    assert published(shopped) == before


def test_the_leaderboard_pools_series_and_ranks_as_a_comparison_does(shopped):
    row = row_of(run(shopped, "pipeline", **{**SIMPLE, "scope": "manual", "series": ["many__S0__P000"]}))
    single = row_of_comparison(shopped, "many__S0__P000", SWEEPS["quick_baseline_sweep"].candidates)
    same = ("rank", "candidate", "wape", "smape", "mae", "bias", "sample_size")
    assert [[line[name] for name in same] for line in row["backtests"]["leaderboard"]] == [
        [line[name] for name in same] for line in single
    ]


def row_of_comparison(place: Place, series: str, candidates: tuple[str, ...]) -> list[dict[str, Any]]:
    done = run(place, "compare", series=series, candidates=list(candidates))
    return list(launch_of(place, done.run_id).result["verdict"]["ranking"])


def test_the_advanced_mode_takes_a_grid_days_and_guardrails(shopped):
    grid = ["moving_average(window_size=7|14)", "ets"]
    own = {"grid": grid, "end_day": "2026-02-25", "minimum_skill": -1000.0, "most_series": 3}
    row = row_of(run(shopped, "pipeline", **{**ADVANCED, **own}))
    assert row["status"] == "success"
    candidates = {line["candidate"] for line in row["backtests"]["leaderboard"]}
    assert candidates == {
        "seasonal_naive",
        "moving_average(window_size=7)",
        "moving_average(window_size=14)",
        "ets",
    }
    assert row["training"]["series"] == 3
    stored = shopped.stores.lake.read_table(f"{row['training']['path']}/forecasts.parquet")
    assert np.isfinite(stored["units"].combine_chunks().flatten().to_numpy()).all()


def test_unmet_guardrails_stop_it_before_training(shopped):
    row = row_of(run(shopped, "pipeline", **{**ADVANCED, "minimum_skill": 99.0}))
    assert (row["status"], row["training"]) == ("stopped", None)
    assert "at least 99 % is asked for" in row["summary"]
    assert row["chosen"] is not None
    assert row["next_steps"]


@pytest.mark.parametrize(
    ("guardrails", "line", "message"),
    [
        (Guardrails(), {}, []),
        (Guardrails(minimum_sample_size=101), {}, ["100 scored days, at least 101 are asked for"]),
        (Guardrails(minimum_skill=5.0), {}, []),
        (
            Guardrails(minimum_skill=5.1),
            {},
            ["5.0 % better than seasonal naive, at least 5.1 % is asked for"],
        ),
        (Guardrails(), {"skill": None}, ["no skill against seasonal naive can be told"]),
        (
            Guardrails(maximum_relative_bias=2),
            {},
            ["a bias of 3.0 % of mean demand, at most 2 % is accepted"],
        ),
        (Guardrails(maximum_relative_bias=None), {"relative_bias": None}, []),
        (Guardrails(), {"relative_bias": None}, ["a bias of unknown size, at most 25 % is accepted"]),
    ],
)
def test_guardrails_say_what_is_not_met(guardrails, line, message):
    assert guardrails.unmet({**LINE, **line}) == message


@pytest.mark.parametrize(("period", "least"), [("day", 28), ("week", 16), ("month", 6)])
def test_the_least_sample_suits_the_period(period, least):
    guardrails = Guardrails(minimum_sample_size=least_sample(FREQUENCIES[period]))
    assert guardrails.unmet({**LINE, "sample_size": least}, period) == []
    (sentence,) = guardrails.unmet({**LINE, "sample_size": least - 1}, period)
    assert sentence == f"{least - 1} scored {period}s, at least {least} are asked for"


def test_every_sweep_preset_has_guardrails_and_candidates_that_exist():
    for name, sweep in SWEEPS.items():
        assert sweep.guardrails.to_json(), name
        assert expanded(sweep.candidates) == sweep.candidates, name


def test_a_grid_expands_to_every_combination_once():
    assert expanded(["seasonal_average(season_length=7|14, lookback_cycles=2|4)", "naive", "naive"]) == (
        "seasonal_average(lookback_cycles=2, season_length=7)",
        "seasonal_average(season_length=7)",
        "seasonal_average(lookback_cycles=2, season_length=14)",
        "seasonal_average(season_length=14)",
        "naive",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sweep": None}, "simple mode needs a sweep preset"),
        ({"grid": ["naive"]}, "grid cannot be set in simple mode"),
        ({"minimum_skill": 1.0}, "minimum_skill cannot be set in simple mode"),
        ({"mode": "advanced", "sweep": None}, "there is nothing to try"),
        ({"most_series": 51}, "most_series is 51; at most 50 series are allowed"),
        ({"n_splits": 7, "horizon": 14}, "span 112 days; at most 90 are allowed"),
        ({"scope": "category", "category": "none"}, "no series has category 'none'"),
        ({"mode": "advanced", "grid": ["naiv"]}, "did you mean 'naive'"),
        (
            {"mode": "advanced", "grid": [f"moving_average(window_size={'|'.join(map(str, range(1, 52)))})"]},
            "the grid has 51 combinations; at most 50 are allowed",
        ),
    ],
)
def test_caps_and_modes_are_checked_before_anything_is_done(shopped, changes, message):
    with pytest.raises(ForecastError) as refused:
        resolve(shopped.stores, PipelineConfig(**{**SIMPLE, **changes}))
    assert message in refused.value.problem + refused.value.remedy


def test_a_used_up_budget_is_refused_and_says_when_to_come_back(shopped, monkeypatch):
    monkeypatch.setenv("FORECAST_PIPELINE_RUNS_PER_HOUR", "1")
    dry = {**SIMPLE, "requested_by": "bob", "dry_run": True}
    assert row_of(run(shopped, "pipeline", **dry))
    refused = run(shopped, "pipeline", **dry)
    assert refused.failure["code"] == TooMany.__name__
    assert refused.failure["problem"] == "bob has launched 1 pipeline runs within an hour"
    assert "try again after " in refused.failure["remedy"]
    assert records.find(shopped.stores, refused.run_id) is None
    config.check_budget(shopped.stores, "carol")


def test_a_dataset_is_built_again_only_when_its_sales_changed(place):
    place.prepare("many", many(4))
    first = row_of(run(place, "pipeline", **ADVANCED, minimum_skill=-1000.0))
    place.write("many", many(5))
    second = row_of(run(place, "pipeline", **ADVANCED, minimum_skill=-1000.0))
    assert (first["dataset_run"]["reused"], second["dataset_run"]["reused"]) == (True, False)
    assert first["dataset_run"]["snapshot"] != second["dataset_run"]["snapshot"]
    assert second["dataset_run"]["rows"] == 5 * 60


def test_a_source_that_is_gone_ends_in_words_and_keeps_what_was_known(place):
    place.prepare("many", many(4))
    (place.folder / "many.csv").unlink()
    done = run(place, "pipeline", **ADVANCED)
    row = row_of(done)
    assert row["status"] == "error"
    assert row["error"]["code"] in {"BadSetting", "BadSales"}
    assert "many.csv" in row["error"]["problem"]
    assert row["next_steps"] == [row["error"]["remedy"]]
    assert row["completed_at"] is not None


def test_an_empty_universe_ends_in_words(shopped):
    lone = {"scope": "manual", "series": ["many__S0__P011"]}
    row = row_of(run(shopped, "pipeline", **{**ADVANCED, **lone}))
    assert (row["status"], row["error"]["problem"]) == (
        "error",
        "no series of the scope can be scored, first many__S0__P011: the newest snapshot has no sales of it",
    )


def test_series_that_cannot_be_scored_are_left_out_with_their_reasons(shopped):
    row = row_of(run(shopped, "pipeline", **{**ADVANCED, "dataset": "shop", "minimum_skill": -1000.0}))
    assert row["status"] == "success"
    assert set(row["dataset_run"]["unusable"]) == {NEVER, YOUNG}
    assert row["dataset_run"]["series"] == row["training"]["series"] == len(SERIES) - 2
    assert f"left out: 2 series, {NEVER}, {YOUNG}" in row["summary"]


def test_the_record_says_what_the_model_is_made_by_and_keeps_it_only_if_asked(shopped):
    done = run(shopped, "pipeline", **{**ADVANCED, "persist": False, "minimum_skill": -1000.0})
    spec, training = launch_of(shopped, done.run_id).spec, row_of(done)["training"]
    assert (spec["model_version"], spec["timeframe"], spec["persist"]) == (code_version(), "day", False)
    assert (training["path"], len(training["artifact_sha256"])) == (None, 64)
    assert not [path for path in shopped.files("pipeline") if done.run_id in path]


def test_a_pipeline_stops_between_two_steps_when_asked(shopped, monkeypatch):
    real = leaderboard

    def interrupt(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return real(*arguments)

    monkeypatch.setattr(pipeline, "leaderboard", interrupt)
    done = run(shopped, "pipeline", **SIMPLE)
    row = row_of(done)
    assert (row["status"], row["training"]) == ("stopped", None)
    assert row["backtests"]["leaderboard"], "what was scored is kept"
    assert shopped.instance.get_run_by_id(done.run_id).status.value == "CANCELED"


def test_the_record_of_a_dead_pipeline_is_ended_once(shopped):
    plan = config.validate(shopped.stores, PipelineConfig(**SIMPLE))
    records.create(shopped.stores, "pipeline", plan, launch_id="dead-pipeline", run_id="dead-pipeline")
    assert lifecycle.settle_orphan(KINDS, shopped.stores, "dead-pipeline")
    assert not lifecycle.settle_orphan(KINDS, shopped.stores, "dead-pipeline")
    row = summary_of(records.read(shopped.stores, "dead-pipeline"))
    assert row["status"] == "error"
    assert retries.ORPHANED[0] in row["summary"]


def lost_by_dagster() -> Exception:
    error = DagsterPostgresException("too many retries")
    error.__cause__ = sa.exc.OperationalError("select", {}, Exception("secret"))
    return error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (sa.exc.OperationalError("select", {}, Exception("secret")), "Outage", "the database"),
        (ConnectionRefusedError(111, "refused"), "Outage", "a service on the network did not answer"),
        (TimeoutError("slow"), "Outage", "a service on the network did not answer"),
        (OSError(28, "No space left on device"), "Outage", "a file could not be read or written"),
        (MemoryError(), "Outage", "no memory left"),
        (ModuleNotFoundError("No module named 'xgboost'"), "BadSetting", "a package is missing"),
        (dg.DagsterRunNotFoundError("gone", invalid_run_id="1"), "Outage", "was removed while it worked"),
        (lost_by_dagster(), "Outage", "the database"),
        (psycopg2.errors.ForeignKeyViolation("gone"), "Outage", "the database"),
        (TypeError("defect"), "InternalError", "something unexpected happened (TypeError: defect)"),
    ],
)
def test_faults_are_told_in_words_with_the_original_beneath(error, code, message):
    payload = error_payload(to_forecast_error(error))
    assert payload["code"] == code
    assert message in str(payload["problem"])
    assert payload["remedy"]
    assert str(payload["original"]).startswith(type(error).__name__)


def test_an_expected_error_keeps_its_own_words():
    outage = Outage("the lake is away", remedy="wait")
    assert to_forecast_error(outage) is outage
    assert error_payload(outage)["original"] is None

"""The acceptance checks of the champion comparison, one by one."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from forecast_assets.dagster_internals.failed_steps import why_failed
from forecast_assets.datasets import definition
from forecast_assets.errors import ForecastError
from forecast_assets.forecasting.core.candidates import catalogue
from forecast_assets.global_models.pooling import newest_pool
from forecast_assets.launches import lifecycle, records, retries, runs, scoring_context
from forecast_assets.launches.comparison import run as comparison
from forecast_assets.launches.comparison.config import CompareConfig, validate
from forecast_assets.launches.kind import Execution
from forecast_assets.launches.kinds import KINDS
from forecast_assets.launches.worker_pool import RunControl
from forecast_assets.stores.registry import open_registry
from forecast_assets_tests.launches.conftest import Launched, again, items_of, launch_of, newest_launch, run
from forecast_assets_tests.scenario import HEALTHY, LOCAL, NEVER, QUICK, STOPPED, YOUNG, Place
from forecast_assets_tests.stores.members import until


class Superstitious:
    """A candidate that breaks on every series."""

    name = "naive"

    def predict(self, *_: object) -> Any:
        raise ArithmeticError("thirteen")


@pytest.fixture
def at_candidate(monkeypatch) -> Callable:
    """Do something while a candidate is being scored: ``at_candidate("ets", action)``."""
    real = scoring_context.score_rows

    def install(label: str, action: Callable[[], object]) -> None:
        def scored(context, rows, candidates):
            if label in candidates:
                action()
            return real(context, rows, candidates)

        monkeypatch.setattr(comparison, "score_rows", scored)

    return install


@pytest.fixture
def broken(monkeypatch) -> Callable[[str], None]:
    """Let a candidate raise."""

    def install(label: str) -> None:
        real = catalogue.local
        monkeypatch.setattr(
            "forecast_assets.forecasting.core.isolation.local",
            lambda name: Superstitious() if name == label else real(name),
        )

    return install


def row_of(done: Launched) -> dict[str, Any]:
    launch = launch_of(done.place, done.run_id)
    return {
        "status": launch.status,
        "winner": launch.result["winner"],
        "result": launch.result["verdict"],
        "error": (launch.error or {}).get("problem"),
        "completed": launch.completed,
        "failed": launch.failed,
    }


def held(seen: threading.Event, slow: threading.Event) -> None:
    seen.set()
    slow.wait(60)


def gone() -> None:
    raise SystemExit


def states(done: Launched) -> dict[str, str]:
    return {item["candidate"]: item["status"] for item in items_of(done.place, done.run_id)}


def test_progress_is_live_while_a_slow_candidate_runs_and_always_sums_to_all(shopped, at_candidate):
    slow, seen = threading.Event(), threading.Event()
    at_candidate("ets", lambda: held(seen, slow))
    ended: list[Launched] = []
    config: dict[str, Any] = {"series": HEALTHY, "candidates": ["naive", "ets", "tsb"], "max_parallel": 1}
    launch = threading.Thread(target=lambda: ended.append(run(shopped, "compare", **config)))
    launch.start()
    assert seen.wait(60)
    _, record = runs.find(shopped.stores, shopped.instance, newest_launch(shopped))
    progress: Any = record.progress
    assert record.status == "running"
    assert progress.pop("total") == sum(progress.values()) == 3
    assert {name: count for name, count in progress.items() if count} == {
        "completed": 1,
        "running": 1,
        "pending": 1,
    }
    slow.set()
    launch.join()
    assert ended[0].outcome == "completed"


@pytest.fixture(scope="module")
def compared(shopped: Place) -> Launched:
    """A comparison of a healthy series' own candidates."""
    return run(shopped, "compare", series=HEALTHY)


def test_the_result_equals_a_plain_evaluation_of_the_same_input(shopped, compared):
    shopped.evaluate(HEALTHY)
    row = row_of(compared)
    plain = {
        metric["candidate"]: metric
        for metric in shopped.table("backtest_metric")
        if metric["series"] == HEALTHY
    }
    for line in row["result"]["ranking"]:
        same = plain[line["candidate"]]
        for name in ("rank", "wape", "smape", "mae", "bias", "rmse", "sample_size", "stability", "fold_wape"):
            assert line[name] == same[name], name
    (champion,) = [one for one in shopped.table("champion") if one["series"] == HEALTHY and one["is_current"]]
    assert row["winner"] == champion["champion"]
    # What is expected on new days is promised by evaluations alone.
    texts = [
        one | {"data_notes": [note for note in one["data_notes"] if not note.startswith("expected WAPE")]}
        for one in (row["result"]["explanation"], champion["explanation"])
    ]
    assert texts[0] == texts[1]
    assert row["result"]["champion"]["confidence"] == champion["confidence"]


def test_chart_data_are_those_of_the_included_candidates(compared):
    drawn = row_of(compared)["result"]["charts"]
    assert set(drawn["wape_by_model"]) == set(drawn["bias_by_model"]) == set(LOCAL)
    assert all(len(folds) == QUICK.n_splits for folds in drawn["fold_stability"].values())
    plotted = drawn["winner_actual_vs_predicted"]
    assert plotted["actuals"] == list(range(40, 61)), "day n sells n, and three weeks are scored"
    assert [len(column) for column in plotted.values()] == [21] * 4


def test_two_candidates_of_one_type_stay_apart(shopped):
    two = ["moving_average(window_size=3)", "moving_average(window_size=28)"]
    drawn = row_of(run(shopped, "compare", series=HEALTHY, candidates=two))["result"]["charts"]
    assert list(drawn["wape_by_model"]) == two, "the shorter one follows a rising series better"


def test_a_failed_candidate_stays_visible_and_the_others_are_ranked(shopped, broken):
    broken("naive")
    done = run(shopped, "compare", series=HEALTHY)
    assert done.outcome == "partial"
    row = row_of(done)
    last = row["result"]["ranking"][-1]
    assert (last["candidate"], last["rank"], last["included"]) == ("naive", None, False)
    assert last["reason"] == "ArithmeticError: thirteen"
    assert row["winner"] in set(LOCAL) - {"naive"}
    assert (row["completed"], row["failed"]) == (2, 1)


def test_when_every_candidate_fails_the_run_has_failed_and_says_why(shopped, broken):
    broken("naive")
    done = run(shopped, "compare", series=HEALTHY, candidates=["naive"])
    assert done.outcome == "failed"
    row = row_of(done)
    assert (row["winner"], row["result"]["explanation"]["winner"]) == (None, None)
    assert "no candidate produced a valid backtest: ArithmeticError: thirteen" in row["error"]


def test_a_fold_without_sales_keeps_nobody_from_winning(shopped):
    row = row_of(run(shopped, "compare", series=STOPPED))
    assert row["status"] == "completed"
    assert row["winner"] is not None
    assert [line["status"] for line in row["result"]["ranking"]] == ["completed"] * 3


@pytest.mark.parametrize(("series", "message"), [(YOUNG, "9 observed days"), (NEVER, "no sales at all")])
def test_an_unusable_series_is_refused_before_any_work_and_kept_as_failed(
    shopped, at_candidate, series, message
):
    at_candidate("naive", lambda: pytest.fail("it was scored"))
    done = run(shopped, "compare", series=series)
    row = row_of(done)
    assert (done.outcome, row["status"]) == ("failed", "failed")
    assert row["error"].startswith("unusable: ")
    assert message in row["error"]
    assert Counter(states(done).values()) == {"failed": 3}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"series": "shop__A__P9"}, "has no series shop__A__P9"),
        ({"series": "none__A__P1"}, "there is no dataset 'none'"),
        ({"series": "A__P1"}, "is not a series key"),
        ({"series": HEALTHY, "candidates": ["nave"]}, "did you mean 'naive'"),
        ({"series": HEALTHY, "horizon": 59}, "59"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_leaves_no_record(shopped, config, message):
    with pytest.raises(ForecastError) as refused:
        validate(shopped.stores, CompareConfig(**config))
    assert message in refused.value.problem + refused.value.remedy


def test_a_cancelled_comparison_leaves_nothing_running_and_ranks_what_is_done(shopped, at_candidate):
    at_candidate("seasonal_naive", lambda: records.cancel(shopped.stores, newest_launch(shopped)))
    done = run(shopped, "compare", series=HEALTHY, max_parallel=1)
    assert done.outcome == "partial"
    assert shopped.instance.get_run_by_id(done.run_id).status.value == "CANCELED"
    assert states(done) == {
        "naive": "completed",
        "seasonal_naive": "completed",
        "moving_average": "cancelled",
    }
    assert row_of(done)["result"]["ranking"][-1]["reason"] == "cancelled"
    with pytest.raises(ForecastError, match="has ended: partial"):
        runs.cancel(shopped.stores, shopped.instance, done.run_id)


def test_a_comparison_cancelled_before_anything_was_done_is_cancelled(shopped, at_candidate, monkeypatch):
    monkeypatch.setenv("FORECAST_DRAIN_SECONDS", "1")
    stuck = threading.Event()
    at_candidate("naive", lambda: (records.cancel(shopped.stores, newest_launch(shopped)), stuck.wait(60)))
    done = run(shopped, "compare", series=HEALTHY, max_parallel=1)
    assert done.outcome == "cancelled"
    assert set(states(done).values()) == {"cancelled"}
    stuck.set()
    until(lambda: not [one for one in threading.enumerate() if one.name.startswith("compare-")])
    assert set(states(done).values()) == {"cancelled"}, "what comes later changes nothing"


def test_a_drain_that_takes_too_long_is_told_as_such(shopped, at_candidate, monkeypatch):
    monkeypatch.setattr(runs, "_GRACE_SECONDS", -29)
    slow, seen = threading.Event(), threading.Event()
    at_candidate("naive", lambda: held(seen, slow))
    launch = threading.Thread(target=lambda: run(shopped, "compare", series=HEALTHY, candidates=["naive"]))
    launch.start()
    assert seen.wait(60)
    record = runs.cancel(shopped.stores, shopped.instance, newest_launch(shopped))
    assert record.status == "running", "not drained yet is not a failure of the cancellation"
    slow.set()
    launch.join()
    assert launch_of(shopped, record.run_id).status == "completed", "it finished first"


def test_a_dead_comparison_is_settled_once_from_what_is_on_record(shopped, at_candidate):
    run_id = "dead-comparison"
    plan = validate(shopped.stores, CompareConfig(series=HEALTHY))
    records.create(shopped.stores, "compare", plan, launch_id=run_id, run_id=run_id)
    launch = retries.start_or_resume(shopped.stores, run_id, run_id=run_id)
    at_candidate("seasonal_naive", gone)
    with shopped.stores.warehouse.locks() as locks:
        work = Execution(shopped.stores, launch, RunControl(), None, locks, lambda: False, open_registry)
        with pytest.raises(SystemExit):
            comparison.COMPARISON.execute(work)
    assert lifecycle.settle_orphan(KINDS, shopped.stores, run_id)
    settled = launch_of(shopped, run_id)
    assert (settled.status, settled.result["winner"]) == ("partial", "naive")
    assert not lifecycle.settle_orphan(KINDS, shopped.stores, run_id)


def test_a_parameter_out_of_its_bounds_fails_its_candidate_alone(shopped):
    labels = ["naive", "moving_average(window_size=0)", "moving_average(width=3)"]
    done = run(shopped, "compare", series=HEALTHY, candidates=labels)
    row = row_of(done)
    assert (done.outcome, row["winner"]) == ("partial", "naive")
    reasons = {line["candidate"]: line["reason"] for line in row["result"]["ranking"]}
    assert "window_size" in reasons[labels[1]]
    assert "'width' is no parameter of moving_average" in reasons[labels[2]]
    with pytest.raises(ForecastError, match="window_size"):
        validate(shopped.stores, CompareConfig(series=HEALTHY, candidates=labels[1:2]))


def test_failed_candidates_of_a_comparison_are_tried_again_on_its_record(shopped, monkeypatch):
    with monkeypatch.context() as passing:
        real = catalogue.local
        passing.setattr(
            "forecast_assets.forecasting.core.isolation.local",
            lambda name: Superstitious() if name == "naive" else real(name),
        )
        first = run(shopped, "compare", series=HEALTHY)
    assert first.outcome == "partial"
    again(shopped, first.run_id)
    row = row_of(first)
    assert (row["status"], row["completed"]) == ("completed", 3)
    assert {line["status"] for line in row["result"]["ranking"]} == {"completed"}


def test_dagit_shows_ranking_explanation_and_four_charts(compared):
    (output,) = [e for e in compared.result.all_node_events if e.event_type_value == "STEP_OUTPUT"]
    metadata: Any = output.step_output_data.metadata
    pictures = ("wape_by_candidate", "bias_by_candidate", "fold_stability", "actual_and_predicted")
    assert all(metadata[name].value.startswith("![") for name in pictures)
    assert len(metadata["ranking"].records) == 3


def test_what_was_compared_is_said_on_the_page_of_its_series(compared):
    (event,) = [e for e in compared.result.all_node_events if e.event_type_value == "ASSET_OBSERVATION"]
    seen = event.asset_observation_data.asset_observation
    assert (seen.asset_key.to_user_string(), seen.partition) == ("backtest", HEALTHY)
    assert "winner" in seen.metadata["compare"].value
    assert f"(/runs/{compared.run_id})" in seen.metadata["result"].value


def test_a_comparison_changes_nothing_that_forecasts_are_made_by(shopped):
    dataset = definition.load(shopped.stores, "shop")
    before = newest_pool(shopped.stores, dataset)
    run(shopped, "compare", series=HEALTHY, candidates=["naive", "moving_average(window_size=9)"])
    assert newest_pool(shopped.stores, dataset) == before


def test_the_run_of_a_partial_comparison_says_why_and_how_to_read_more(shopped):
    done = run(shopped, "compare", series=HEALTHY, candidates=["naive", "moving_average(window_size=0)"])
    why = why_failed(shopped.stores, done.run_id)
    assert f"{HEALTHY} moving_average(window_size=0): " in why.problem
    assert "window_size is 0" in why.problem
    assert why.remedy.startswith(f"see `forecast-assets export batch-items {done.run_id}`")
    assert why.code == "BadSetting", "somebody asked for what cannot be done: no incident"

"""What fails, how much it costs, and what is left behind: candidates that raise, and a database that goes."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import numpy as np
import pytest
import sqlalchemy as sa

from forecast_assets.backtests import evaluation as evaluating
from forecast_assets.backtests.assets import BACKTEST, CHAMPION, evaluation
from forecast_assets.backtests.fold_store import read_folds
from forecast_assets.errors import Outage
from forecast_assets.failures import RETRY
from forecast_assets.forecasting.core import backtest as engine
from forecast_assets.forecasting.core.candidates.baselines import MovingAverage, Naive, SeasonalNaive
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Warehouse
from forecast_assets_tests.scenario import (
    HEALTHY,
    HOLED,
    NEVER,
    SERIES,
    TORN,
    UNLUCKY,
    YOUNG,
    Place,
    shop,
)


@pytest.fixture(autouse=True)
def _retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda *_: 0)
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")  # pictures take longer than all the rest


@pytest.fixture
def blocks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BLOCK", 2)


@pytest.fixture
def built(place: Place) -> Place:
    place.prepare("shop", shop())
    return place


def superstitious(monkeypatch: pytest.MonkeyPatch, *candidates: Any, dreaded: float = UNLUCKY) -> None:
    """Let candidates raise for every series that once sold the ``dreaded`` number."""
    for candidate in candidates:
        stock = candidate.predict

        def predict(self, panel, cutoffs, horizon, window=None, *, stock=stock):
            if (panel.units == np.float32(dreaded)).any():
                raise ArithmeticError(f"{self.name} met {dreaded}")
            return stock(self, panel, cutoffs, horizon, window)

        monkeypatch.setattr(candidate, "predict", predict)


def step_failure(result: dg.ExecuteInProcessResult) -> Any:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data


def statuses(place: Place, series: str) -> dict[str, tuple[str, str | None]]:
    rows = [row for row in place.table("backtest_metric") if row["series"] == series]
    return {row["candidate"]: (row["status"], row["reason"]) for row in rows}


def results_without_runs(place: Place) -> list[Any]:
    tables = [place.table(name) for name in ("evaluation", "backtest_metric", "champion")]
    left_out = {"run_id", "evaluated_at", "chosen_at", "path"}
    return [[{k: v for k, v in row.items() if k not in left_out} for row in table] for table in tables]


def test_a_series_for_which_every_candidate_raises_is_broken_and_costs_only_itself(built, monkeypatch):
    superstitious(monkeypatch, Naive, SeasonalNaive, MovingAverage)
    result = built.evaluate(SERIES[0], SERIES[-1])
    assert not result.success
    assert built.outcomes()[TORN] == "broken"
    assert built.outcomes()[HEALTHY] == "scored"
    for asset in (BACKTEST, CHAMPION):
        assert built.green(asset) == set(SERIES) - {TORN}


def test_the_failure_names_the_series_and_every_cause_and_is_not_retried(built, monkeypatch):
    superstitious(monkeypatch, Naive, SeasonalNaive, MovingAverage)
    result = built.evaluate(SERIES[0], SERIES[-1])
    failure = step_failure(result).user_failure_data
    assert failure.description == f"1 of 6 series broke; the others are stored: {TORN}"
    assert failure.metadata["broken"].value == {
        TORN: "naive: ArithmeticError: naive met 13.5; "
        "seasonal_naive: ArithmeticError: seasonal_naive met 13.5; "
        "moving_average: ArithmeticError: moving_average met 13.5"
    }
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


def test_a_broken_series_keeps_the_champion_it_had_and_is_tried_again(built, monkeypatch):
    assert built.evaluate(SERIES[0], SERIES[-1]).success
    before = [row for row in built.table("champion") if row["series"] == TORN]
    with monkeypatch.context() as patch:
        superstitious(patch, Naive, SeasonalNaive, MovingAverage)
        assert not built.evaluate(TORN, force=True).success
    assert built.outcomes()[TORN] == "broken"
    assert [row for row in built.table("champion") if row["series"] == TORN] == before
    again = built.evaluate(SERIES[0], SERIES[-1])
    assert again.success
    assert built.outcomes()[TORN] == "scored"
    assert "reused_from_run" not in built.metadata(again, "backtest", TORN)
    assert "reused_from_run" in built.metadata(again, "backtest", HEALTHY)


def test_partial_success_then_a_retry_then_the_whole_range_end_as_if_nothing_had_broken(built, monkeypatch):
    def events() -> dict[str, int]:
        return {key: len(built.reported("backtest", key)) for key in (TORN, HEALTHY)}

    with monkeypatch.context() as patch:
        superstitious(patch, Naive, SeasonalNaive, MovingAverage)
        assert not built.evaluate(SERIES[0], SERIES[-1]).success
    assert events() == {TORN: 0, HEALTHY: 1}
    retried = built.evaluate(TORN)
    assert (retried.success, events()) == (True, {TORN: 1, HEALTHY: 1})
    mended = results_without_runs(built)
    whole = built.evaluate(SERIES[0], SERIES[-1], force=True)
    assert (whole.success, events()) == (True, {TORN: 2, HEALTHY: 2})
    assert results_without_runs(built)[:2] == mended[:2]
    champions = built.table("champion")
    assert sorted(row["series"] for row in champions if row["is_current"]) == sorted(
        {row["series"] for row in champions}
    )


def test_one_raising_candidate_is_marked_failed_and_its_series_is_scored_by_the_others(built, monkeypatch):
    superstitious(monkeypatch, SeasonalNaive)
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "6")
    result = built.evaluate(SERIES[0], SERIES[-1])
    assert result.success
    assert built.outcomes()[TORN] == "scored"
    assert statuses(built, TORN) == {
        "naive": ("ranked", None),
        "moving_average": ("ranked", None),
        "seasonal_naive": ("failed", "ArithmeticError: seasonal_naive met 13.5"),
    }
    (failed,) = [row for row in built.table("backtest_metric") if row["status"] == "failed"]
    assert (failed["rank"], failed["wape"], failed["mae"], failed["sample_size"]) == (None, None, None, 0)
    leaderboard = [record.data for record in built.metadata(result, "backtest", TORN)["leaderboard"].records]
    assert leaderboard[-1]["reason"] == "ArithmeticError: seasonal_naive met 13.5"
    assert {status for status, _ in statuses(built, HEALTHY).values()} == {"ranked"}


@pytest.mark.parametrize("first", [YOUNG, SERIES[0]])
def test_an_unusable_series_stays_a_fact_when_candidates_raise_for_it_alone_or_among_others(
    built, monkeypatch, first
):
    superstitious(monkeypatch, Naive, SeasonalNaive, MovingAverage, dreaded=9)  # day 9 of the young one
    built.evaluate(first, YOUNG)
    assert built.outcomes()[YOUNG] == "unusable"
    assert YOUNG in built.green()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda good: np.full_like(good, np.nan), id="nothing but NaN"),
        pytest.param(lambda good: np.full_like(good, np.inf), id="infinity"),
        pytest.param(lambda good: good[:, :, :-1], id="a day too few"),
        pytest.param(lambda good: good[:, 0], id="one fold"),
        pytest.param(lambda good: good.astype(str)[:0], id="text for nobody"),
        pytest.param(lambda _: None, id="None"),
    ],
)
def test_a_candidate_that_answers_nonsense_loses_its_rank_and_nobody_else_does(built, monkeypatch, answer):
    stock = Naive.predict
    monkeypatch.setattr(Naive, "predict", lambda *arguments: answer(stock(*arguments)))
    assert built.evaluate(HEALTHY).success
    status_by_candidate = statuses(built, HEALTHY)
    assert status_by_candidate["naive"][0] in {"failed", "excluded"}
    assert status_by_candidate["naive"][1]
    assert {status_by_candidate[name][0] for name in ("seasonal_naive", "moving_average")} == {"ranked"}


@pytest.mark.usefixtures("blocks_of_two")
def test_an_outage_in_the_middle_is_retried_and_nothing_is_written_twice(built, monkeypatch):
    """The connection is lost inside the transaction of the second block of three."""
    stock, calls = Warehouse.copy, []

    def torn(self, connection, table, frame):
        if table == "backtest_metric":
            calls.append(table)
            if len(calls) == 2:
                pid = connection.exec_driver_sql("select pg_backend_pid()").scalar()
                with self._engine.begin() as other:
                    other.execute(sa.text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        return stock(self, connection, table, frame)

    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "copy", torn)
        result = built.evaluate(SERIES[0], SERIES[-1])
    assert result.success
    (retried,) = [event for event in result.all_events if event.is_step_up_for_retry]
    assert "Outage" in str(retried.step_retry_data.error)
    assert built.green() == set(SERIES)
    torn_run = results_without_runs(built)
    assert len(built.table("champion")) == len(SERIES)
    assert built.evaluate(SERIES[0], SERIES[-1], force=True).success
    latest = results_without_runs(built)
    assert torn_run[:2] == latest[:2]


@pytest.mark.usefixtures("blocks_of_two")
def test_a_repeated_attempt_does_not_replace_the_fold_forecasts_of_the_first(built, monkeypatch):
    """Both attempts meet a block that begins with the broken series, and store it under one run id."""
    first, second, third = HEALTHY, HOLED, TORN
    superstitious(monkeypatch, Naive, SeasonalNaive, MovingAverage, dreaded=60)  # HEALTHY's newest day
    for part in ([first, second], [first, second, third]):
        list(evaluating.evaluate(built.stores, part, run_id="same", changes={}))
    assert built.outcomes() == {first: "broken", second: "scored", third: "scored"}
    for series in (second, third):
        folds = read_folds(built.stores, series)
        assert folds is not None
        assert folds.actual.shape == (3, 7)


def test_a_database_that_is_not_there_is_an_outage(built):
    nowhere = Stores(
        Warehouse(sa.make_url("postgresql://nobody@127.0.0.1:9/nothing?connect_timeout=2")),
        lambda: built.stores.lake,
    )
    with pytest.raises(Outage, match=r"127.0.0.1:9, database nothing fails"):
        list(evaluating.evaluate(nowhere, [HEALTHY], run_id="r", changes={}))


def test_an_outage_is_left_to_the_retry_policy(built, monkeypatch):
    def gone(*_: object, **__: object) -> Iterator[None]:
        raise Outage("PostgreSQL does not answer", remedy="start it")

    monkeypatch.setattr(Warehouse, "frame", gone)
    result = built.evaluate(SERIES[0], SERIES[-1])
    assert not result.success
    assert len([event for event in result.all_events if event.is_step_up_for_retry]) == RETRY.max_retries
    assert "Outage" in str(step_failure(result).error)
    assert built.table("evaluation") == []
    assert built.green() == set()
    assert evaluation.op.retry_policy == RETRY


@pytest.mark.parametrize("lost", [slice(None), slice(1)])
def test_a_lake_that_lost_the_panel_or_a_store_of_it_is_an_outage_with_a_remedy(built, lost):
    for file in built.files("panels")[lost]:
        built.stores.lake.delete(file)
    with pytest.raises(Outage, match="--force"):
        evaluating.plan(built.stores, "shop", None, changes={})


def test_a_series_that_was_never_sold_costs_no_candidate_a_failure(built):
    assert built.evaluate(NEVER).success
    assert statuses(built, NEVER) == {}

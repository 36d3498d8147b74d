"""What an evaluation says while it works and at its end, and two of them at the same time."""

import datetime as dt
import threading
import time

import pytest
from rich.console import Console

from forecast_assets import progress as said
from forecast_assets.cli import closing, evaluation, progress
from forecast_assets.cli.closing import Closing
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow
from forecast_assets_tests.scenario import DAYS, many

EMPTY = Closing("shop", 2, 2, 1, 0, 0, [], [], None, 0, {}, [], 0, 0.0, None, None)


def test_a_second_evaluation_waits_for_the_first_and_does_nothing_twice(cli, home):
    home.prepare("many", many(8))
    answers = {}

    def run():
        answers["broken"] = evaluation.run("many", None, {}, force=False)

    with home.stores.warehouse.locks() as locks:
        assert locks.take("evaluation", "many")
        waiting = threading.Event()
        sleep = time.sleep

        def slept(seconds):
            waiting.set()
            sleep(seconds)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "sleep", slept)
            second = threading.Thread(target=run)
            second.start()
            assert waiting.wait(60)
            assert home.instance.get_runs() == []
            locks.release("evaluation", "many")
            second.join()
    assert answers == {"broken": 0}
    runs = len(home.instance.get_runs())
    # By this Dagit lists them on its overview, too.
    assert all(run.remote_job_origin for run in home.instance.get_runs())
    again = cli("evaluate", "many")
    assert "nothing to do: all 8 series are unchanged" in again.err
    assert len(home.instance.get_runs()) == runs


def test_the_steps_are_shown_with_the_time_that_is_left(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SAY", Console(stderr=True, force_terminal=True, width=100))
    with progress.steps_shown("shop", 1000):
        said.begin("evaluate")
        said.advance(500, 1000)
    printed = capsys.readouterr().err
    assert "backtesting series" in printed
    assert "left" in printed


def test_where_nobody_looks_each_step_is_a_line(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SAY", Console(stderr=True, force_terminal=False, width=100))
    with progress.steps_shown("shop", 10):
        for step in ("sales", "panel", "panel", "forecast_stale_series"):
            said.begin(step)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("shop:")]
    assert [line.removeprefix("shop: ") for line in lines] == [
        "starting",
        "checking and freezing the sales",
        "building the panel",
        "forecasting",
    ]


def test_the_end_names_what_came_out_and_what_to_look_at(cli, home):
    home.prepare("many", many(8))
    ended = cli("evaluate", "many").err
    assert "8 scored (8 with a champion), 0 unusable, 0 broken" in ended
    assert "Most units at risk within one horizon, of 8 champions:" in ended
    assert ended.count("many__S") >= 5
    last = home.stores.warehouse.rows(CurrentForecastsRow, dataset="many", series=None)[0]
    assert f"{last['first_day']} to " in ended
    assert "they lie in the past" in ended
    assert "Next: forecast-assets export forecasts many" in ended
    assert DAYS > 0


def test_a_forecast_of_days_to_come_is_not_called_past():
    day = dt.date(2026, 3, 1)
    summary = Closing("shop", 1, 1, 0, 0, 0, [], [], 0, 0, {}, [], 1, 5.0, day, day + dt.timedelta(6))
    assert "past" not in "\n".join(closing.lines(summary, today=day))
    assert "past: the last one was 4 days ago" in "\n".join(
        closing.lines(summary, today=day + dt.timedelta(10))
    )


def test_missing_plans_and_stockouts_are_counted_and_doubts_of_columns_repeated():
    doubts = ["promo was changed since the last load: deliver it as it was"]
    summary = Closing("shop", 1, 1, 0, 0, 0, [], [], 3, 4, {"promo": 2}, doubts, 0, 0.0, None, None)
    printed = "\n".join(closing.lines(summary))
    assert doubts[0] in printed
    assert "promo (2 series)" in printed
    assert "3 series" in printed
    assert "neither scored nor learned from: 4 series" in printed
    assert "stock-outs" not in "\n".join(closing.lines(EMPTY))

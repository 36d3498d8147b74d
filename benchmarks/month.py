"""A month in a minute: thirty nights without a person, played one after the other.

Belongs here: the play, and the figures that it ends with: ``python benchmarks/month.py``.
Does not belong here: sensors, jobs and rules, which are the product's own.

Every night appends a day of sales and corrects some older ones, ticks the sensors as the daemon would and
runs what they request. Some series sell three times as much from some day on; one night the source is gone.
"""

# ruff: noqa: E402 - the checkout is put on the path before anything of it is imported
import argparse
import datetime as dt
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import dagster as dg
import numpy as np
import polars as pl

from forecast_assets.automation.alerts import deliver
from forecast_assets.datasets import building
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.sources import FileSource
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.settings import settings
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests.automation.night import Night
from forecast_assets_tests.scenario import Place

DATASET = "month"
MONDAY = dt.date(2025, 1, 6)
HISTORY, FRIDAY = 30 * 7, 4
LEVEL, WEEKEND, JUMP = 20, 1.5, 3
CORRECTED, DRIFTED = 0.05, 0.02
CORRECTED_DAY = 60  # days before the first night
WATCHERS = ("watch_runs", "watch_checks", "watch_ticks", "request_retraining")
FOLLOWED = 3  # stages of follow_evaluations


@dataclass
class Sales:
    """Daily units of all series: steady but for noise, weekends, drift and corrections."""

    series: int
    days: int
    first_drift: int
    draw: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def __post_init__(self) -> None:
        whole = HISTORY + self.days
        level = self.draw.uniform(0.5, 2, (self.series, 1)) * LEVEL
        self.units = self.draw.poisson(
            level * np.where(np.arange(whole) % 7 >= FRIDAY + 1, WEEKEND, 1)
        ).astype(float)
        self.drifted = np.sort(self.draw.permutation(self.series)[: max(1, round(DRIFTED * self.series))])
        self.units[self.drifted, HISTORY + self.first_drift :] *= JUMP

    def correct(self) -> None:
        """Some sales turn out to be a little different, weeks after the day."""
        rows = self.draw.permutation(self.series)[: max(1, round(CORRECTED * self.series))]
        self.units[rows, HISTORY - CORRECTED_DAY] += 1

    def write(self, path: Path, days: int) -> None:
        """The feed as it stands after so many days: one file, or a folder with a file for every day."""
        if not path.suffix:
            path.mkdir(exist_ok=True)
            for day in range(days):
                file = path / f"{MONDAY + dt.timedelta(days=day)}.parquet"
                if not file.exists() or day == HISTORY - CORRECTED_DAY:
                    self._rows([day]).write_parquet(file)
            return
        self._rows(range(days)).write_parquet(path)

    def _rows(self, days: Sequence[int]) -> pl.DataFrame:
        store = [f"S{row * 10 // self.series}" for row in range(self.series)]
        product = [f"P{row:05d}" for row in range(self.series)]
        dates = [MONDAY + dt.timedelta(days=day) for day in days]
        return pl.DataFrame(
            {
                "store_id": np.repeat(store, len(days)),
                "product_id": np.repeat(product, len(days)),
                "date": dates * self.series,
                "units": self.units[:, list(days)].ravel(),
            }
        )

    def keys(self) -> list[str]:
        """Keys of the series that drift."""
        return [f"{DATASET}__S{row * 10 // self.series}__P{row:05d}" for row in self.drifted.tolist()]


@dataclass
class Diary:
    """What was noted night by night."""

    first_alarms: dict[str, int] = field(default_factory=dict)
    alarms: int = 0
    promised: float = 0.0
    judged: int = 0
    load: list[float] = field(default_factory=list)
    evaluation: list[float] = field(default_factory=list)
    anchors: list[int] = field(default_factory=list)


class _Reader:
    """Somebody who takes every message away."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    def send(self, subject: str, body: str) -> str | None:
        del body
        self.subjects.append(subject)
        return None


def play(
    place: Place,
    evaluation: EvaluationSettings,
    *,
    series: int,
    days: int,
    drift_day: int,
    broken_day: int,
    feed: str = "file",
) -> dict[str, Any]:
    """Play ``days`` nights in a place; return the figures.

    ``feed`` is one ``file`` that is written anew every night, or ``days``, a folder with one for every day.
    """
    sales, diary, reader = Sales(series, days, drift_day), Diary(), _Reader()
    file = place.folder / ("month.parquet" if feed == "file" else "feed")
    sales.write(file, HISTORY)
    options = DatasetOptions(anchor="week", evaluation=evaluation)
    source = FileSource(kind="file", path=file)
    building.add_dataset(place.stores, DATASET, source, options, MONDAY + dt.timedelta(days=HISTORY + days))
    place.instance.add_dynamic_partitions("datasets", [DATASET])
    night = Night(place)
    _one_night(night, diary, None)
    diary = Diary()
    for day in range(days):
        sales.correct()
        away = file.with_name(".away")
        if day == broken_day:
            file.rename(away)
        else:
            sales.write(file, HISTORY + day + 1)
        _one_night(night, diary, day)
        if day == broken_day:
            away.rename(file)
        if (HISTORY + day + 1) % 7 == 0:
            diary.anchors.append(day)
        _note_drift(place, diary, sales, day, drift_day)
        virtual = dt.datetime.now(dt.UTC) + dt.timedelta(days=day)
        deliver(place.stores, {"reader": reader}, settings(), virtual)
    return _figures(place, sales, diary, reader)


def _one_night(night: Night, diary: Diary, day: int | None) -> None:
    night.look("load_changed_sources")
    diary.load.append(_cpu(lambda: night.work("load_changed_sources")))
    diary.evaluation.append(_cpu(lambda: night.work("evaluate_built_datasets")))
    for _ in range(FOLLOWED):
        night.work("follow_evaluations")
    for watcher in WATCHERS if day is not None else ():
        night.look(watcher)


def _cpu(work: Callable[[], list[dg.ExecuteInProcessResult]]) -> float:
    before = time.process_time()
    for result in work():
        if not result.success:
            raise RuntimeError(f"{result.job_def.name} failed")
    return time.process_time() - before


def _note_drift(place: Place, diary: Diary, sales: Sales, day: int, drift_day: int) -> None:
    drifted = set(sales.keys())
    for row in place.table("drift"):
        flagged = row["verdict"] == "degrading"
        if row["series"] in drifted:
            if flagged and day >= drift_day:
                diary.first_alarms.setdefault(row["series"], day - drift_day)
        else:
            diary.judged += 1
            diary.alarms += flagged
            diary.promised += row["false_alarm"] or 0


def _figures(place: Place, sales: Sales, diary: Diary, reader: _Reader) -> dict[str, Any]:
    load = _cpu(lambda: [place.build(DATASET, force=True)])
    evaluation = _cpu(lambda: [place.evaluate_changed(DATASET, force=True)])
    nights = [sum(spent) for spent in zip(diary.load, diary.evaluation, strict=True)]
    plain = [day for day in range(len(diary.load)) if day not in diary.anchors]
    errors = [row for row in place.table("incident") if row["severity"] == "error"]
    rows = [row["incidents"] for row in place.table("alert") if not row["is_digest"]]
    times = [sum(row["id"] in ids for ids in rows) for row in errors]
    late = sorted(diary.first_alarms.values())
    return {
        "series": sales.series,
        "nights": len(diary.load),
        "drifted": len(sales.keys()),
        "found": len(late),
        "days_until_found_median": late[len(late) // 2] if late else None,
        "days_until_found_most": late[-1] if late else None,
        "false_alarms": round(diary.alarms / max(diary.judged, 1), 4),
        "false_alarms_promised": round(diary.promised / max(diary.judged, 1), 4),
        "error_incidents": len(errors),
        "error_incidents_told_once": sum(number == 1 for number in times),
        "error_incidents_open": sum(row["resolved_at"] is None for row in errors),
        "messages": len(reader.subjects),
        "full_load_cpu_s": round(load, 2),
        "full_evaluation_cpu_s": round(evaluation, 2),
        "night_ratio": _ratio(nights, plain, load + evaluation),
        "month_ratio": _ratio(nights, range(len(nights)), load + evaluation),
    }


def _ratio(spent: list[float], nights: "list[int] | range", whole: float) -> float:
    return round(sum(spent[night] for night in nights) / max(len(nights), 1) / whole, 3)


def main() -> None:
    """Play a month in a home of its own; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=2000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--feed", choices=("file", "days"), default="file", help="one file, or one per day")
    parser.add_argument("--inside", action="store_true", help="play in the home of the environment")
    chosen = parser.parse_args()
    if chosen.inside:
        _inside(chosen.series, chosen.days, chosen.feed)
        return
    from scaling.home import opened  # noqa: PLC0415 - psutil is needed by this command only

    size = ("--series", str(chosen.series), "--days", str(chosen.days), "--feed", chosen.feed)
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder) / "home", {**os.environ, "FORECAST_PROCESSES": "1"}) as home,
    ):
        # In a process of its own, since the server stops when nobody uses it any more.
        report = home.run(str(Path(__file__).resolve()), "--inside", *size)
    figures = {**json.loads(report.output.splitlines()[-1]), "wall_s": round(report.cost.wall_s, 1)}
    for name, value in figures.items():
        sys.stdout.write(f"{name.replace('_', ' '):32} {value}\n")
    sys.stdout.write(json.dumps(figures) + "\n")


def _inside(series: int, days: int, feed: str) -> None:
    logging.disable(logging.INFO)
    with dg.DagsterInstance.get() as instance:
        place = Place(StoresResource(), instance, Path(os.environ["DAGSTER_HOME"]))
        evaluation = EvaluationSettings(n_splits=3)
        figures = play(place, evaluation, series=series, days=days, drift_day=9, broken_day=15, feed=feed)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()

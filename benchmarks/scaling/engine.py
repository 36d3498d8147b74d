"""The engine alone: a sales file to ranked candidates in memory, without Dagster and the warehouse.

Usage: python -m scaling.engine FILE HORIZON FOLDS
"""

import datetime as dt
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.panels import Calendar, densify
from forecast_assets.datasets.sources import FileSource
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.arrays import Forecasts
from forecast_assets.forecasting.core.backtest import backtests
from forecast_assets.forecasting.core.global_model import predict
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.ranking import rank
from forecast_assets.global_models.fitting import TrainingDays
from forecast_assets.settings import settings as environment
from scaling.meters import own_cpu


def main() -> None:
    """Do it and print what it took."""
    path, horizon, folds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    settings = EvaluationSettings(horizon=horizon, n_splits=folds)
    frames, calendar = read(path)
    after_reading = own_cpu()
    panel = dense(frames, calendar)
    after_panel = own_cpu()
    forecasts = global_forecasts(panel, settings)
    after_global = own_cpu()
    ranked = backtested(panel, settings, forecasts)
    over = own_cpu()
    report = {
        "engine_cpu_s": over - after_reading,
        "parts_cpu_s": {
            "imports and reading": after_reading,
            "panel": after_panel - after_reading,
            "global model": after_global - after_panel,
            "candidates, metrics, ranking": over - after_global,
        },
        "series": len(panel.series),
        "ranked": ranked,
    }
    print(json.dumps(report))


def read(path: Path) -> tuple[dict[str, pl.DataFrame], Calendar]:
    """Read and check the sales: one frame per store, and the days they span."""
    reader = CanonicalReader(
        FileSource(path=path), dataset="bench", today=dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=1)
    )
    frames = dict(reader)
    summary = reader.summary
    if summary.first_day is None or summary.last_day is None:
        raise SystemExit(f"{path} has no units")
    return frames, Calendar(summary.first_day, summary.last_day, summary.last_day)


def dense(frames: dict[str, pl.DataFrame], calendar: Calendar) -> Panel:
    """One panel of all stores; each frame is let go as soon as it is in."""
    parts = []
    for store in sorted(frames, key=lambda store: f"{store}__"):
        frame = frames.pop(store)
        part, _ = densify(frame, store, dataset="bench", calendar=calendar, known={}, launch="first_sale")
        parts.append(part)
    return Panel(
        series=np.concatenate([part.series for part in parts]),
        start=calendar.first,
        units=np.concatenate([part.units for part in parts]),
        known={},
        static={},
    )


def global_forecasts(panel: Panel, settings: EvaluationSettings) -> dict[str, Forecasts | str]:
    """Fit one model per cutoff, as a run does, and forecast all series with it."""
    threads, plan = environment().processes, settings.plan()
    models = TrainingDays(panel, np.array([], np.str_), plan).fit(
        "lightgbm", plan.cutoffs(panel.days).tolist()
    )
    if isinstance(models, str):
        raise SystemExit(models)
    forecasts = [predict(model, panel, threads=threads)[:, plan.gap :] for model in models]
    return {"lightgbm": np.stack(forecasts, axis=1)}


def backtested(panel: Panel, settings: EvaluationSettings, forecasts: dict[str, Forecasts | str]) -> int:
    """Score and rank all candidates; answer for how many series there is a best one."""
    plan = settings.plan()
    blocks = backtests(
        panel,
        plan.cutoffs(panel.days),
        plan,
        settings.candidates,
        forecasts,
        processes=environment().processes,
    )
    return sum(int((rank(block.scores, settings.ranking_policy()).winner >= 0).sum()) for block in blocks)


if __name__ == "__main__":
    main()

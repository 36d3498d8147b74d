"""The job ``compare_candidates`` and what Dagit shows of a comparison.

Belongs here: a thin op around ``work``, its metadata.
Does not belong here: the work and the result.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np

from forecast_assets.backtests.display import worded
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.keys import SeriesKey
from forecast_assets.launches.comparison import store, work
from forecast_assets.launches.comparison.config import CompareConfig
from forecast_assets.launches.outcome import is_ending, report_fits, tell
from forecast_assets.launches.worker_pool import Watch
from forecast_assets.rendering import charts, plots
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.warehouse import Row

_COLUMNS = ["rank", "candidate", "status", "wape", "smape", "mae", "bias", "sample_size", "rmse", "reason"]


@dg.op(retry_policy=RETRY)
def compare(context: dg.OpExecutionContext, config: CompareConfig, stores: StoresResource) -> None:
    """Score every candidate of one series, rank them, and say why the best one is the best."""
    run_id, ending = context.run.run_id, is_ending(context)
    watch = Watch(
        asked_to_end=lambda: ending() or store.is_cancelled(stores.open(), run_id), tell=context.log.info
    )
    with refusals_final():
        row = work.run(
            stores.open(),
            config,
            run_id=run_id,
            watch=watch,
            fitted=lambda fits: report_fits(context, SeriesKey.parse(config.series).dataset, fits),
        )
    context.add_output_metadata(shown(row))
    tell(context, str(row["status"]), sentence(row), cut_short=bool(row["cancelled_candidates"]))


def sentence(row: Row) -> str:
    """What became of a comparison."""
    counts = ", ".join(f"{row[f'{name}_candidates']} {name}" for name in ("completed", "failed", "cancelled"))
    told = f"winner {row['winner']}" if row["winner"] else str(row["error"] or "no winner")
    return f"comparison of {row['series']} {row['status']}: {told} ({counts} of {row['total_candidates']})"


def shown(row: Row) -> Mapping[str, Any]:
    """Ranking, winner and four charts; all candidates stay in the table, with their reason."""
    result: Any = row["result"]
    if result is None:
        return {"outcome": str(row["status"])}
    drawn, series = result["charts"], row["series"]
    pictures = {
        "wape_by_candidate": charts.bars(f"{series}: WAPE", drawn["wape_by_model"], "percent"),
        "bias_by_candidate": charts.bars(
            f"{series}: bias (positive = forecasts too little)", drawn["bias_by_model"], "units a day"
        ),
        "fold_stability": charts.lines(f"{series}: WAPE by fold", drawn["fold_stability"], "WAPE, percent"),
    }
    if drawn["winner_actual_vs_predicted"] is not None:
        pictures["actual_and_predicted"] = _plot(str(series), str(row["winner"]), drawn)
    return {
        "outcome": str(row["status"]),
        "ranking": table(result["ranking"], _COLUMNS),
        "explanation": dg.MetadataValue.md(worded(result["explanation"])),
        **{name: dg.MetadataValue.md(text) for name, text in pictures.items()},
    }


def _plot(series: str, winner: str, drawn: Mapping[str, Any]) -> str:
    shape = (len(set(drawn["winner_actual_vs_predicted"]["fold_index"])), -1)
    columns = drawn["winner_actual_vs_predicted"]
    days = np.array(columns["dates"], "datetime64[D]").reshape(shape)
    actual, predicted = (
        np.array(columns[name], np.float64).astype(np.float32).reshape(shape)
        for name in ("actuals", "predictions")
    )
    title = f"{series}: actual and {winner} over the folds"
    return plots.fold_plot(title, list(days), actual, {winner: predicted})


@dg.job
def compare_candidates() -> None:
    """Compare candidates on one series, with live progress, ranking, charts and explanation."""
    compare()

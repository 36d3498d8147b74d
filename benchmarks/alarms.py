"""How many unchanged series does drift flag on real sales, beside the share that it promises?

    python benchmarks/alarms.py --data sales.parquet --store CA_1 [--at-most N] [--ends K]

``--data`` has store_id, product_id, date and units, such as those of M5. Judges the series that sold in the
first half of the days, at the ``K`` newest of days eight weeks apart, each from what was known then. Prints a
table, and as its last line one JSON object.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

from forecast_assets.forecasting.analysis.drift import DEGRADING, verdict
from forecast_assets.forecasting.analysis.replay import actual_weeks, origins, replay, weekly_errors
from forecast_assets.forecasting.core.candidates.catalogue import learner
from forecast_assets.forecasting.core.global_model import fit
from forecast_assets.forecasting.core.panel import Panel

LABELS = ("lightgbm", "ets", "moving_average")
WEEKS, ALARM, APART, HORIZON, FOLDS = 26, 0.10, 56, 28, 3
THREADS = 2


def main() -> None:
    """Read, judge, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--at-most", type=int, default=1000, help="series, spread evenly over the store")
    parser.add_argument("--ends", type=int, default=13)
    arguments = parser.parse_args()
    panel = _read(arguments.data, arguments.store, arguments.at_most)
    ends = panel.days - APART * np.arange(arguments.ends - 1, -1, -1)
    shares = np.array([_judged(panel.until(int(end))) for end in ends]).mean(axis=0)
    report = {"series": len(panel.series), "ends": len(ends)}
    report |= {
        label: dict(zip(("flagged", "promised"), share, strict=True))
        for label, share in zip(LABELS, shares.tolist(), strict=True)
    }
    for label in LABELS:
        print(f"{label:20s}{report[label]['flagged']:8.1%} flagged {report[label]['promised']:8.1%} promised")
    print(json.dumps(report))


def _read(file: Path, store: str, at_most: int) -> Panel:
    rows = pl.read_parquet(file, columns=["store_id", "product_id", "date", "units"])
    wide = (
        rows.filter(pl.col("store_id") == store)
        .pivot(on="product_id", index="date", values="units")
        .sort("date")
    )
    units = wide.drop("date").to_numpy().T.astype(np.float32)
    old = np.flatnonzero(~np.isnan(units[:, : units.shape[1] // 2]).all(axis=1))
    chosen = old[:: max(1, -(-len(old) // at_most))]
    return Panel(np.array(wide.columns[1:])[chosen], wide["date"].to_list()[0], units[chosen], {}, {})


def _judged(panel: Panel) -> list[tuple[float, float]]:
    """Shares of the series flagged and promised, by label."""
    cutoffs = origins(panel.days, WEEKS, 0)
    folds = [panel.days - HORIZON * fold for fold in range(FOLDS, 0, -1)]
    learned = [
        fit(panel, cutoff, HORIZON, learner("lightgbm").settings(), threads=THREADS)
        for cutoff in (int(cutoffs[0]), *folds)
    ]
    actual = actual_weeks(panel, cutoffs, gap=0)
    shares = []
    for label in LABELS:
        forecasts = replay(panel, label, {"lightgbm": learned}, cutoffs, gap=0, window=None, threads=THREADS)
        relative, _ = weekly_errors(actual, forecasts)
        result = verdict(relative[:, -1], relative[:, :-1], alarm=ALARM)
        shares.append(((result.status == DEGRADING).mean(), np.nan_to_num(result.false_alarm).mean()))
    return shares


if __name__ == "__main__":
    main()

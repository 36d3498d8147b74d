"""What a planner should look at first: the health of champions, and the queue of those to train again.

Belongs here: reading both, with the next step and the link of every row.
Does not belong here: the rules (``forecasting.retraining``, ``forecasting.drift``) and what Dagit shows.
"""

import datetime as dt

import numpy as np

from forecast_assets.forecasting.analysis.retraining import priority
from forecast_assets.settings import settings
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

_OLD_DAYS, _WRONG = 30, 50


def link(path: str) -> str:
    """Where a reader finds a page of Dagit."""
    return settings().dagit_pages + path


def health(stores: Stores, dataset: str | None, today: dt.date, *, at_most: int | None = None) -> list[Row]:
    """The champions of a dataset (or of all), degrading ones first, each with the next step."""
    rows = stores.warehouse.rows("model_health", dataset=dataset, today=today, at_most=at_most)
    pages = link("/assets/drift?view=partitions&partition=")
    return [
        {
            **row,
            "next_step": _next_step(row),
            "link": f"{pages}{row['series']}",
        }
        for row in rows
    ]


def _next_step(row: Row) -> str:
    if row["champion"] is None:
        return "read why no champion could be chosen"
    if row["verdict"] == "degrading" and row["drift_direction"] == "degrading":
        return "launch job retrain for it"
    if row["verdict"] == "degrading":
        return "look at its newest week; wait for another one if a reason is known"
    if row["drift_direction"] == "degrading":
        return "compare its last evaluations; launch job retrain if nothing explains them"
    return "none"


def queue(stores: Stores, dataset: str | None, today: dt.date) -> list[Row]:
    """Series by priority of retraining: 60 % the age of what was learned, 40 % the error."""
    rows = stores.warehouse.rows("retraining_candidates", dataset=dataset, today=today)
    ages = np.array([float(str(row["staleness_days"])) for row in rows])
    errors = np.array([np.nan if row["wape"] is None else float(str(row["wape"])) for row in rows])
    scores = priority(ages, errors)
    pages = link("/assets/champion?view=partitions&partition=")
    order = sorted(range(len(rows)), key=lambda at: (-scores[at], rows[at]["series"]))
    return [
        {
            **{name: rows[at][name] for name in ("series", "store_id", "product_id", "champion")},
            "priority_score": float(scores[at]),
            "staleness_days": int(max(ages[at], 0)),
            **{
                name: rows[at][name]
                for name in ("wape", "latest_run_id", "latest_run_status", "requested_at")
            },
            "reason": _reason(rows[at]),
            "link": f"{pages}{rows[at]['series']}",
        }
        for at in order
    ]


def _reason(row: Row) -> str:
    age = int(str(row["staleness_days"]))
    parts = [
        f"learned from days up to {max(age, 0)} days ago" + (", which is old" if age >= _OLD_DAYS else "")
    ]
    if row["wape"] is None:
        parts.append("WAPE unknown")
    elif float(str(row["wape"])) >= _WRONG:
        parts.append(f"WAPE of {row['wape']:.0f} % is high")
    else:
        parts.append(f"WAPE {row['wape']:.0f} %")
    if row["requested_at"] is not None:
        parts.append("retraining was requested")
    return "; ".join(parts)

"""What a planner should look at first: the health of champions, and the queue of those to train again.

Belongs here: reading both, with the next step and the link of every row.
Does not belong here: the rules (``analysis.retraining``, ``analysis.drift``) and what Dagit shows.
"""

import datetime as dt
from typing import TypedDict

import numpy as np

from forecast_assets.forecasting.analysis.retraining import priority
from forecast_assets.settings import settings
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.operations import ModelHealthRow, RetrainingCandidatesRow

NO_STEP = "none"
_OLD_DAYS, _WRONG = 30, 50


def link(path: str) -> str:
    """Where a reader finds a page of Dagit."""
    return settings().dagit_pages + path


class Health(ModelHealthRow):
    """The health of one champion, the step to take, and the page that shows it."""

    next_step: str
    link: str


class Candidate(TypedDict):
    """A series of the retraining queue; ``priority_score`` is 0 to 1, ``wape`` in percent."""

    series: str
    store_id: str
    product_id: str
    champion: str
    priority_score: float
    staleness_days: int
    wape: float | None
    latest_run_id: str
    latest_run_status: str
    requested_at: dt.datetime | None
    reason: str
    link: str


def health(
    stores: Stores, dataset: str | None, today: dt.date, *, at_most: int | None = None
) -> list[Health]:
    """The champions of a dataset (or of all), degrading ones first, each with the next step."""
    rows = stores.warehouse.rows(ModelHealthRow, dataset=dataset, today=today, at_most=at_most)
    pages = link("/assets/drift?view=partitions&partition=")
    return [
        {
            **row,
            "next_step": _next_step(row),
            "link": f"{pages}{row['series']}",
        }
        for row in rows
    ]


def _next_step(row: ModelHealthRow) -> str:
    if row["champion"] is None:
        return "read why no champion could be chosen"
    if row["verdict"] == "degrading" and row["drift_direction"] == "degrading":
        return "launch job retrain for it"
    if row["verdict"] == "degrading":
        return "look at its newest week; wait for another one if a reason is known"
    if row["drift_direction"] == "degrading":
        return "compare its last evaluations; launch job retrain if nothing explains them"
    return NO_STEP


def queue(stores: Stores, dataset: str | None, today: dt.date) -> list[Candidate]:
    """Series by priority of retraining: 60 % the age of what was learned, 40 % the error."""
    rows = stores.warehouse.rows(RetrainingCandidatesRow, dataset=dataset, today=today)
    ages = np.array([row["staleness_days"] for row in rows])
    errors = np.array([np.nan if row["wape"] is None else row["wape"] for row in rows])
    scores = priority(ages, errors)
    pages = link("/assets/champion?view=partitions&partition=")
    order = sorted(range(len(rows)), key=lambda at: (-scores[at], rows[at]["series"]))
    return [
        {
            "series": row["series"],
            "store_id": row["store_id"],
            "product_id": row["product_id"],
            "champion": row["champion"],
            "priority_score": float(score),
            "staleness_days": max(row["staleness_days"], 0),
            "wape": row["wape"],
            "latest_run_id": row["latest_run_id"],
            "latest_run_status": row["latest_run_status"],
            "requested_at": row["requested_at"],
            "reason": _reason(row),
            "link": f"{pages}{row['series']}",
        }
        for row, score in ((rows[at], scores[at]) for at in order)
    ]


def _reason(row: RetrainingCandidatesRow) -> str:
    age = row["staleness_days"]
    parts = [
        f"learned from days up to {max(age, 0):,} days ago" + (", which is old" if age >= _OLD_DAYS else "")
    ]
    if row["wape"] is None:
        parts.append("WAPE unknown")
    elif row["wape"] >= _WRONG:
        parts.append(f"WAPE of {row['wape']:,.0f} % is high")
    else:
        parts.append(f"WAPE {row['wape']:,.0f} %")
    if row["requested_at"] is not None:
        parts.append("retraining was requested")
    return "; ".join(parts)

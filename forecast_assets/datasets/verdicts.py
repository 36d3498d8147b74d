"""The verdict on the whole history of every series, from its counted days.

Belongs here: judging rows of day counts, one or all of a dataset.
Does not belong here: the rule (``core.availability``), counting (``panels``), storing (``building``).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

from forecast_assets.forecasting.core.availability import Availability, of_history
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.frequency import Frequency

LEFT_OUT = "days look stocked out and are left out"


def history_verdict(row: Mapping[str, Any], plan: FoldPlan, frequency: Frequency) -> Availability:
    """The verdict on the whole history of a series, from its row of ``availability``."""
    ended = f"ended: the last sale was on {row['last_sale']}, and nothing since" if row["ended"] else None
    return of_history(row["observed_days"], row["expected_days"], plan, ended=ended, frequency=frequency)


def with_verdicts(counts: pl.DataFrame, plan: FoldPlan, frequency: Frequency) -> pl.DataFrame:
    """Return day counts of series with state, reason and coverage in place of the days left out."""
    last_sale = pl.when("ended").then("last_sale").alias("last_sale")  # of others it says nothing
    facts = counts.select("observed_days", "expected_days", "ended", last_sale, "left_out_days")

    @cache  # most series of a dataset have the same counts
    def verdict(*row: object) -> tuple[str, str]:
        history = history_verdict(dict(zip(facts.columns, row, strict=True)), plan, frequency)
        left_out = f"; {row[-1]} {LEFT_OUT}" if row[-1] else ""
        return history.state, history.reason + left_out

    verdicts = [verdict(*row) for row in facts.iter_rows()]
    return counts.drop("left_out_days").with_columns(
        state=pl.Series([state for state, _ in verdicts], dtype=pl.String),
        reason=pl.Series([reason for _, reason in verdicts], dtype=pl.String),
        coverage=pl.when(pl.col("expected_days") > 0).then(pl.col("observed_days") / pl.col("expected_days")),
    )

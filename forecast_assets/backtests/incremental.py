"""Results kept up without model work: reused, chosen again, or ended.

Belongs here: what happens to series whose history did not change, or is no longer delivered.
Does not belong here: storing what was computed (``results``).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.backtests.champions import NO_FOLDS, choose_champions, nobody
from forecast_assets.backtests.fold_store import read_file
from forecast_assets.backtests.metric_rows import Context
from forecast_assets.backtests.results import Outcome, lock_series, outcome_of, store_choices
from forecast_assets.forecasting.core.availability import Availability
from forecast_assets.forecasting.core.claims import Claim, claims
from forecast_assets.forecasting.core.demand import is_intermittent
from forecast_assets.forecasting.core.metrics import METRICS
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.ranking import Ranking, Scores, rank
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import DayCountsRow
from forecast_assets.stores.rows.evaluations import CurrentResultsRow, MetricsOfRow

ENDED = "ended"
_NO_LONGER = "the newest snapshot no longer delivers it"


def end(stores: Stores, series: list[str], context: Context, *, choose: bool) -> list[Outcome]:
    """Record that series are no longer delivered: unusable, without metrics and without a champion."""
    frame = pl.DataFrame(
        {
            "series": series,
            "dataset": context.dataset,
            "snapshot": context.snapshot,
            "run_id": context.run_id,
            "fingerprint": ENDED,
            "availability": "unusable",
            "outcome": "unusable",
            "reason": _NO_LONGER,
            "folds": 0,
            "horizon": context.settings.horizon,
            "anchor_day": context.anchor,
            "plan_reach": json.dumps(dict(context.plan_steps)),
            "path": pl.Series([None] * len(series), dtype=pl.String),
        }
    )
    with stores.warehouse.transaction() as connection:
        lock_series(connection, series)
        stores.warehouse.replace(connection, "evaluation", frame, keys=["series"])
        with stores.warehouse.staged(connection, "backtest_metric", frame.select("series")):
            stores.warehouse.execute("forget_metrics", connection)
        if choose:
            nobodies = [nobody(f"unusable: {_NO_LONGER}", [])] * len(series)
            store_choices(stores, connection, frame, nobodies, context.settings.ranking_policy().name)
    return [outcome_of(row, reused=False) for row in frame.iter_rows(named=True)]


def reused(stores: Stores, series: list[str]) -> list[Outcome]:
    """The stored outcomes of series whose inputs have not changed."""
    return [outcome_of(row, reused=True) for row in stores.warehouse.rows(CurrentResultsRow, series=series)]


def rechosen(stores: Stores, series: list[str], context: Context, pool: Pool | None) -> list[Outcome]:
    """Choose champions from stored metrics, without any model work."""
    settings = context.settings
    stored = stores.warehouse.rows(CurrentResultsRow, series=series)
    names = settings.candidates
    metrics = stores.warehouse.frame(MetricsOfRow, series=series)
    place = {(row["series"], row["candidate"]): row for row in metrics.iter_rows(named=True)}
    folds = max((len(row["fold_wape"]) for row in place.values()), default=0)
    absent = dict.fromkeys(METRICS) | {
        "sample_size": 0,
        "fold_wape": [None] * folds,
        "reason": "it was not part of the stored backtest",
    }
    table = [[place.get((row["series"], name), absent) for row in stored] for name in names]

    def matrix(column: str) -> NDArray[np.float64]:
        return np.array([[cell[column] for cell in line] for line in table], dtype=np.float64)

    scores = Scores(
        candidates=names,
        **{name: matrix(name) for name in METRICS},
        sample_size=matrix("sample_size").astype(np.int64),
        fold_wape=np.array([[cell["fold_wape"] for cell in line] for line in table], dtype=np.float64),
    )
    counts = {row["series"]: row for row in stores.warehouse.rows(DayCountsRow, series=series)}
    ranking = rank(
        scores,
        settings.ranking_policy(),
        intermittent=np.array([is_intermittent(counts[row["series"]]["demand_class"]) for row in stored]),
    )
    choices = choose_champions(
        scores,
        ranking,
        settings.ranking_policy(),
        availability=[Availability(row["availability"], row["reason"]) for row in stored],
        counts=[counts[row["series"]] for row in stored],
        excluded=lambda row: Counter(line[row]["reason"] for line in table).most_common(1)[0][0],
        notes=context.notes(),
        missing=context.missing,
        period=context.period,
        claims=_claims(stores, stored, ranking, names, counts, pool),
    )
    marks = [{name: row[name] for name in ("series", "snapshot", "fingerprint")} for row in stored]
    frame = pl.DataFrame(marks).with_columns(dataset=pl.lit(context.dataset), run_id=pl.lit(context.run_id))
    with stores.warehouse.transaction() as connection:
        lock_series(connection, series)
        store_choices(stores, connection, frame, choices, settings.ranking_policy().name)
    return reused(stores, series)


def _claims(  # noqa: PLR0917 - stored results, and who won
    stores: Stores,
    stored: list[CurrentResultsRow],
    ranking: Ranking,
    names: Sequence[str],
    counts: Mapping[str, DayCountsRow],
    pool: Pool | None,
) -> list[Claim]:
    """What to expect of champions that are chosen from stored metrics, by their stored folds."""
    results = [Claim(reason=NO_FOLDS)] * len(stored)
    by_path: dict[str, list[int]] = {}
    for at, row in enumerate(stored):
        if row["path"] is not None and ranking.winner[at] >= 0:
            by_path.setdefault(row["path"], []).append(at)
    for path, places in by_path.items():
        folds = dict(read_file(stores, path, [stored[at]["series"] for at in places]))
        parts = [folds[stored[at]["series"]] for at in places]
        labels = list(parts[0].forecasts)
        fresh = claims(
            pool,
            labels,
            np.stack([[one.forecasts[label] for one in parts] for label in labels]),
            actual=np.stack([one.actual for one in parts]),
            folds=np.stack([one.counted for one in parts]),
            winners=np.array([labels.index(names[ranking.winner[at]]) for at in places]),
            classes=[counts[stored[at]["series"]]["demand_class"] for at in places],
        )
        for at, claim in zip(places, fresh, strict=True):
            results[at] = claim
    return results

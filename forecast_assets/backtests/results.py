"""Results of evaluations: metrics and champions, stored and read back.

Belongs here: turning arrays into rows, whole blocks at a time, all of a block or none of it.
Does not belong here: computing any of it (``forecasting``) and deciding what is stale (``evaluation``).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import polars as pl
import sqlalchemy as sa

from forecast_assets.backtests.champions import Choice, choose_champions
from forecast_assets.backtests.fold_store import fold_table
from forecast_assets.backtests.metric_rows import MESSAGE_LENGTH, Context, metric_frame, why_none
from forecast_assets.forecasting.core.availability import Availability
from forecast_assets.forecasting.core.backtest import Backtest
from forecast_assets.forecasting.core.claims import claims_of
from forecast_assets.forecasting.core.demand import is_intermittent
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.ranking import rank
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.rows.datasets import DayCountsRow
from forecast_assets.stores.warehouse import Row

_CHOSEN = ("champion", "wape", "bias", "confidence", "expected_wape", "expected_bias")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out for one series: a fact (scored, unusable) or work (broken), always with a sentence.

    WAPEs and ``skill`` (against seasonal naive) in percent, biases in units a period.
    """

    series: str
    outcome: Literal["scored", "unusable", "broken"]
    sentence: str
    availability: str
    folds: int
    run_id: str
    reused: bool = False
    champion: str | None = None
    wape: float | None = None
    bias: float | None = None
    skill: float | None = None
    confidence: str | None = None
    expected_wape: float | None = None
    expected_bias: float | None = None


def store(
    stores: Stores,
    block: Backtest,
    context: Context,
    *,
    availability: Sequence[Availability],
    counts: Sequence[DayCountsRow],
    fingerprints: Sequence[str],
    choose: bool,
    pool: Pool | None = None,
) -> list[Outcome]:
    """Store one block: fold forecasts in the lake first, then all rows in one transaction."""
    keys = [str(key) for key in block.series]
    usable = np.array([verdict.state != "unusable" for verdict in availability])
    broken = {row: why for row, why in _broken(block).items() if usable[row]}
    scored = np.flatnonzero(usable & ~np.isin(np.arange(len(keys)), list(broken)))
    policy = context.settings.ranking_policy()
    rare = np.array([is_intermittent(count["demand_class"]) for count in counts])
    ranking = rank(block.scores, policy, intermittent=rare)
    # A repeated run meets other blocks that begin with the same series: theirs must not replace this file.
    name = blake2b("".join(fingerprints).encode(), digest_size=8).hexdigest()
    path = paths.BACKTESTS.path(context.dataset, context.run_id, f"{keys[0]}-{name}.parquet")
    if scored.size:
        folds = fold_table(block, context.first_days, scored)
        stores.lake.write_table(path, folds, rows_per_group=64, computed=True)
    frame = _evaluations(block, context, availability, fingerprints, broken=broken, path=path)
    choices = choose_champions(
        block.scores,
        ranking,
        policy,
        availability=availability,
        counts=counts,
        excluded=lambda row: why_none(block, context, row),
        notes=context.notes(),
        missing=context.missing,
        period=context.period,
        claims=claims_of(pool, block, ranking.winner, [count["demand_class"] for count in counts]),
    )
    settled = [n for n in range(len(keys)) if n not in broken]
    with stores.warehouse.transaction() as connection:
        lock_series(connection, keys)
        stores.warehouse.replace(connection, "evaluation", frame, keys=["series"])
        with stores.warehouse.staged(connection, "backtest_metric", frame[settled].select("series")):
            stores.warehouse.execute("forget_metrics", connection)
        if scored.size:
            stores.warehouse.copy(
                connection, "backtest_metric", metric_frame(block, ranking, context, scored)
            )
        if choose:
            choice_rows = [choices[n] for n in settled]
            store_choices(stores, connection, frame[settled], choice_rows, policy.name)
            _remember(stores, connection, frame[settled], choice_rows, context)
    chosen = [_summary(choices[n]) if choose and n not in broken else {} for n in range(len(keys))]
    rows = enumerate(frame.iter_rows(named=True))
    return [outcome_of({**row, **chosen[n]}, reused=False) for n, row in rows]


def _evaluations(
    block: Backtest,
    context: Context,
    availability: Sequence[Availability],
    fingerprints: Sequence[str],
    *,
    broken: Mapping[int, str],
    path: str,
) -> pl.DataFrame:
    """The rows of table ``evaluation``, one per series; ``path`` has the folds of those that were scored."""
    outcomes = [
        "broken" if n in broken else "unusable" if verdict.state == "unusable" else "scored"
        for n, verdict in enumerate(availability)
    ]
    return pl.DataFrame(
        {
            "series": [str(key) for key in block.series],
            "dataset": context.dataset,
            "snapshot": context.snapshot,
            "run_id": context.run_id,
            "fingerprint": list(fingerprints),
            "availability": [verdict.state for verdict in availability],
            "outcome": outcomes,
            "reason": [broken.get(n, verdict.reason) for n, verdict in enumerate(availability)],
            "folds": block.folds.sum(axis=1),
            "horizon": context.settings.horizon,
            "anchor_day": context.anchor,
            "plan_reach": json.dumps(dict(context.plan_steps)),
            "path": [path if outcome == "scored" else None for outcome in outcomes],
        }
    )


def lock_series(connection: sa.Connection, series: Sequence[str]) -> None:
    """Let another run that writes the same series wait, instead of both inserting the same keys."""
    key = sa.column("series", sa.Text)
    held = (
        sa.select(key)
        .select_from(sa.table("series", key))
        .where(key == sa.any_(sa.literal(list(series), sa.ARRAY(sa.Text))))
    )
    connection.execute(held.order_by(key).with_for_update(key_share=True))


def _summary(choice: Choice) -> Row:
    # Without its reason: the evaluation has one of its own.
    return {name: value for name, value in choice.row().items() if name != "reason"} | {
        "sentence": choice.reason
    }


def _broken(block: Backtest) -> dict[int, str]:
    """Series for which every candidate failed, with the reasons."""
    failed = Counter(row for _, row in block.failures)
    names = block.scores.candidates
    return {
        row: "; ".join(f"{name}: {block.failures[name, row]}" for name in names)[:MESSAGE_LENGTH]
        for row, count in failed.items()
        if count == len(names)
    }


def store_choices(
    stores: Stores, connection: sa.Connection, frame: pl.DataFrame, choices: Sequence[Choice], policy: str
) -> None:
    """Make ``choices`` the current champions of the series of ``frame``; those before become history."""
    if not choices:
        return
    table = pl.DataFrame([choice.row() for choice in choices], infer_schema_length=None)
    keys = frame.select("series", "dataset", "snapshot", "run_id", "fingerprint", policy=pl.lit(policy))
    rows = keys.hstack(table)
    with stores.warehouse.staged(connection, "champion", rows.select("series")):
        stores.warehouse.execute("demote_champions", connection)
    stores.warehouse.replace(connection, "champion", rows, keys=["series", "run_id"])


def _remember(
    stores: Stores,
    connection: sa.Connection,
    frame: pl.DataFrame,
    choices: Sequence[Choice],
    context: Context,
) -> None:
    """Keep what this evaluation says of each champion: evaluations to come replace all but this."""
    rows = [
        {"series": key, "candidate": c.champion, "wape": c.wape, "bias": c.bias, "sample_size": c.sample_size}
        for key, c in zip(frame["series"], choices, strict=True)
        if c.champion is not None
    ]
    if not rows:
        return
    history = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        run_id=pl.lit(context.run_id),
        dataset=pl.lit(context.dataset),
        snapshot=pl.lit(context.snapshot),
        settings_hash=pl.lit(context.settings.fold_hash()),
        anchor_day=pl.lit(context.anchor),
    )
    stores.warehouse.replace(connection, "metric_history", history, keys=["series", "run_id"])


def outcome_of(row: Mapping[str, Any], *, reused: bool) -> Outcome:
    """The outcome that a row of ``current_results`` tells."""
    sentence = (row.get("sentence") if row["outcome"] == "scored" else None) or row["reason"]
    return Outcome(
        series=row["series"],
        outcome=row["outcome"],
        sentence=str(sentence),
        availability=row["availability"],
        folds=row["folds"],
        run_id=row["run_id"],
        reused=reused,
        skill=row.get("skill_vs_seasonal_naive"),
        **{name: row.get(name) for name in _CHOSEN},
    )

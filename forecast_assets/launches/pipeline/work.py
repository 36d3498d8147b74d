"""A model pipeline: data, sweep, leaderboard, guardrails, training; each step on record as it is done.

Belongs here: the order of things, how it ends, and what a planner is told.
Does not belong here: Dagster, formulas, and publishing, which is somebody's decision.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from forecast_assets.datasets import building
from forecast_assets.datasets.assets import today
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.error_translation import translated
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.launches.pipeline import store
from forecast_assets.launches.pipeline.config import PipelineConfig, Request, check_budget, checked
from forecast_assets.launches.pipeline.sweep import leaderboard, sweep
from forecast_assets.launches.training import Trained, train
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

LOCK = "pipeline"
SHOWN = 10
ENDED = "the process that worked on it ended before it did"


@dataclass(frozen=True, slots=True)
class Hands:
    """What the work needs from outside: whether to stop, whether an outage is final, a voice, a register."""

    stop: Callable[[], bool]
    last_try: bool
    tell: Callable[[str], object]
    register: Callable[[list[str]], object]


class _Stopped(Exception):
    """Somebody asked for the end between two steps."""


def run(stores: Stores, config: PipelineConfig, *, run_id: str, hands: Hands) -> Row | None:
    """Carry a pipeline out and answer its row. Raises what went wrong, after it is on record."""
    with stores.warehouse.locks() as locks:
        if not locks.take(LOCK, run_id):
            raise BadSetting(f"pipeline run {run_id} is being worked on", remedy="wait for its end")
        known = store.read(stores, run_id)
        if known is not None and known["finished_at"] is not None:
            return known
        asked = checked(stores, config)
        if known is None:
            check_budget(stores, config.requested_by)
            store.create(stores, config, asked, run_id=run_id)
        try:
            return _carried_out(stores, config, asked, run_id, hands)
        except _Stopped:
            return store.end(
                stores, run_id, "stopped", "stopped because somebody asked for it", next_steps=[_AGAIN]
            )
        except BaseException as error:
            # An outage is tried again by the run; only the last one is how the pipeline ended.
            if hands.last_try or not isinstance(translated(error), Outage):
                store.fail(stores, run_id, error)
            raise


_AGAIN = "launch it again when you want it: what has not changed is reused"


def _carried_out(
    stores: Stores, config: PipelineConfig, asked: Request, run_id: str, hands: Hands
) -> Row | None:
    if config.dry_run:
        reused = building.is_current(asked.dataset)
        store.note(stores, run_id, dataset_run=_dataset(asked, reused=reused))
        data = "the snapshot that is there" if reused else "a new snapshot of the source"
        left = f" ({asked.left_out} more series of the scope are left out)" if asked.left_out else ""
        summary = f"dry run: it would use {data} and {asked.plan()}{left}"
        return store.end(
            stores, run_id, "stopped", summary, next_steps=["launch it with dry_run false to do this"]
        )
    dataset, reused = _built(stores, asked.dataset, run_id, hands)
    asked = replace(asked, dataset=dataset)
    store.note(stores, run_id, dataset_run=_dataset(asked, reused=reused))
    best, lines = _swept(stores, asked, run_id, hands)
    if unmet := asked.guardrails.unmet(best):
        summary = f"nothing was trained: {best['candidate']} is best but shows {'; '.join(unmet)}"
        return store.end(stores, run_id, "stopped", summary, next_steps=_when_unmet(lines))
    _check(hands)
    trained = train(
        stores,
        dataset,
        asked.settings,
        str(best["candidate"]),
        [str(key) for key in asked.pairs],
        folder=f"pipeline/{dataset.name}/{run_id}",
    )
    store.note(stores, run_id, training=_trained(trained, run_id))
    return store.end(stores, run_id, "success", _success(best, trained), next_steps=_after(dataset.name))


def _check(hands: Hands) -> None:
    if hands.stop():
        raise _Stopped


def _dataset(asked: Request, *, reused: bool) -> dict[str, Any]:
    snapshot = asked.dataset.built()
    return {
        "run_id": snapshot.run_id,
        "snapshot": snapshot.hash,
        "rows": snapshot.row_count,
        "series": len(asked.pairs),
        "reused": reused,
    }


def _built(stores: Stores, dataset: Dataset, run_id: str, hands: Hands) -> tuple[Dataset, bool]:
    """The dataset with its newest sales; nothing is read again while the source looks as it did."""
    _check(hands)
    if building.is_current(dataset):
        return dataset, True
    loaded = building.load_sales(stores, dataset.name, run_id=run_id, today=today())
    built = building.build_panel(stores, dataset.name, run_id=run_id, register=hands.register)
    hands.tell(f"{dataset.name}: {loaded.why}")
    return load(stores, dataset.name), loaded.reused and built.reused


def _swept(
    stores: Stores, asked: Request, run_id: str, hands: Hands
) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """Score everything; the leaderboard is on record after each group of candidates."""
    parts, lines = [], list[dict[str, Any]]()
    for part in sweep(stores, asked, run_id=run_id):
        if not part.series.size:
            raise BadSetting("no series of the scope has sales", remedy="choose another scope")
        parts.append(part)
        lines = leaderboard(asked, parts)
        store.note(stores, run_id, backtests={"run_ids": [run_id], "leaderboard": lines[:SHOWN]})
        hands.tell(f"{len(lines)} candidates scored")
        _check(hands)
    best = lines[0]
    if best["rank"] is None:
        raise BadSetting(
            f"no candidate can be ranked: {best['reason'] or 'nothing was sold in a fold'}",
            remedy="choose series with sales in every fold, or fewer and longer folds",
        )
    store.note(stores, run_id, chosen={"config": best["candidate"], "metrics": best})
    return best, lines


def _trained(trained: Trained, run_id: str) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "status": "success",
        "candidate": trained.candidate,
        "path": trained.path,
        "artifact_sha256": trained.artifact_hash,
        "series": trained.series,
    }


def _success(best: Mapping[str, Any], trained: Trained) -> str:
    wape = "no WAPE, as nothing was sold" if best["wape"] is None else f"{best['wape']:.1f} % WAPE"
    skill = f", {best['skill']:.0f} % better than seasonal naive" if best["skill"] is not None else ""
    return f"{trained.candidate} is trained for {trained.series} series: {wape}{skill}; nothing is published"


def _when_unmet(lines: list[dict[str, Any]]) -> list[str]:
    told = [f"look at the leaderboard: {len([line for line in lines if line['rank']])} candidates are ranked"]
    return [*told, "try other candidates or more series", "or accept less: mode advanced has the guardrails"]


def _after(dataset: str) -> list[str]:
    return [
        f"evaluate the series: forecast-assets evaluate {dataset}",
        "publish a model only after a person has looked at it",
    ]


def settle_dead(stores: Stores, run_id: str) -> bool:
    """End a pipeline whose process is gone; answer whether there was anything to end."""
    with stores.warehouse.locks() as locks:
        row = store.read(stores, run_id)
        if row is None or row["finished_at"] is not None or not locks.take(LOCK, run_id):
            return False
        store.end(stores, run_id, "error", ENDED, next_steps=[_AGAIN])
        return True

"""A model pipeline: data, sweep, leaderboard, guardrails, training; each step on record as it is done.

Belongs here: the order of things, and what a planner reads of it.
Does not belong here: formulas, and publishing, which is somebody's decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from forecast_assets.datasets import building
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.days import today
from forecast_assets.errors import BadSetting, listed
from forecast_assets.launches.kind import Execution, LaunchKind, Summary
from forecast_assets.launches.model import Launch, Try
from forecast_assets.launches.pipeline.config import PipelineConfig, Request, resolve, validate
from forecast_assets.launches.pipeline.status import word
from forecast_assets.launches.pipeline.sweep import Scorable, leaderboard, scorable, sweep
from forecast_assets.launches.training import Trained, train
from forecast_assets.partitions import register_series
from forecast_assets.rendering.tables import table
from forecast_assets.stores import Stores, paths

_LISTED = 10
_COLUMNS = [
    "rank",
    "candidate",
    "wape",
    "skill",
    "relative_bias",
    "period_total_error",
    "sample_size",
    "reason",
]
_AGAIN = "launch it again when you want it: what has not changed is reused"


def _execute(work: Execution) -> None:
    stores, requested = work.stores, dict(work.launch.spec["request"])
    requested.pop("candidates_tried")
    config = PipelineConfig(**requested)
    request = resolve(stores, config)
    if config.dry_run:
        _only_plan(work, request)
        return
    dataset, reused = _built(work, request.dataset)
    request = replace(request, dataset=dataset)
    series = scorable(stores, request)
    work.note(dataset_run=_dataset_run(request, series, reused=reused))
    if not series.keys:
        first, why = min(series.unusable.items())
        raise BadSetting(
            f"no series of the scope can be scored, first {first}: {why}", remedy="choose another scope"
        )
    best, lines = _swept(work, request, series)
    if unmet := request.guardrails.unmet(best, request.dataset.options.period.name):
        sentence = f"nothing was trained: {best['candidate']} is best but shows {'; '.join(unmet)}"
        work.note(sentence=sentence, next_steps=_when_unmet(lines))
        return
    work.check()
    folder = paths.PIPELINE.path(dataset.name, work.launch.launch_id) if config.persist else None
    trained = train(stores, dataset, request.settings, str(best["candidate"]), series.keys, folder=folder)
    work.note(
        training=_training(trained, work.launch.run_id),
        sentence=_success(best, trained, series),
        next_steps=_after(dataset.name),
    )


def _only_plan(work: Execution, request: Request) -> None:
    reused = building.is_current(request.dataset)
    series = scorable(work.stores, request)
    data = "the snapshot that is there" if reused else "a new snapshot of the source"
    left = f" ({request.left_out:,} more series of the scope are left out)" if request.left_out else ""
    unusable = f" ({len(series.unusable):,} of them cannot be scored)" if series.unusable else ""
    work.note(
        dataset_run=_dataset_run(request, series, reused=reused),
        sentence=f"dry run: it would use {data} and {request.plan()}{left}{unusable}",
        next_steps=["launch it with dry_run false to do this"],
    )


def _dataset_run(request: Request, series: Scorable, *, reused: bool) -> dict[str, Any]:
    snapshot = request.dataset.built()
    return {
        "run_id": snapshot.run_id,
        "snapshot": snapshot.hash,
        "rows": snapshot.row_count,
        "series": len(series.keys),
        "unusable": series.unusable,
        "reused": reused,
    }


def _built(work: Execution, dataset: Dataset) -> tuple[Dataset, bool]:
    """The dataset with its newest sales; nothing is read again while the source looks as it did."""
    work.check()
    if building.is_current(dataset):
        return dataset, True
    stores, run_id, context = work.stores, work.launch.run_id, work.context
    loaded = building.load_sales(stores, dataset.name, run_id=run_id, today=today())
    built = building.build_panel(
        stores,
        dataset.name,
        run_id=run_id,
        register=lambda keys: None if context is None else register_series(context.instance, keys),
    )
    work.control.log(f"{dataset.name}: {loaded.why}")
    return load(stores, dataset.name), loaded.reused and built.reused


def _swept(
    work: Execution, request: Request, series: Scorable
) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """Score everything; the leaderboard is on record after each group of candidates."""
    run_id, parts, lines = work.launch.run_id, [], list[dict[str, Any]]()
    for part in sweep(work.stores, request, series.keys, run_id=run_id):
        parts.append(part)
        lines = leaderboard(request, parts)
        work.note(backtests={"run_ids": [run_id], "leaderboard": lines[:_LISTED]})
        work.control.log(f"{len(lines):,} candidates scored")
        work.check()
    best = lines[0]
    if best["rank"] is None:
        raise BadSetting(
            f"no candidate can be ranked: {best['reason'] or 'nothing was sold in a fold'}",
            remedy="choose series with sales in every fold, or fewer and longer folds",
        )
    work.note(chosen={"config": best["candidate"], "metrics": best})
    return best, lines


def _training(trained: Trained, run_id: str) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "status": "success",
        "candidate": trained.candidate,
        "path": trained.path,
        "artifact_sha256": trained.artifact_hash,
        "series": trained.series,
        "left_out": dict(trained.left_out),
    }


def _success(best: Mapping[str, Any], trained: Trained, series: Scorable) -> str:
    wape = "no WAPE, as nothing was sold" if best["wape"] is None else f"{best['wape']:,.1f} % WAPE"
    skill = f", {best['skill']:,.0f} % better than seasonal naive" if best["skill"] is not None else ""
    left_out = {**series.unusable, **trained.left_out}
    left = f"; left out: {len(left_out):,} series, {listed(sorted(left_out))}" if left_out else ""
    return (
        f"{trained.candidate} is trained for {trained.series:,} series: {wape}{skill}; "
        f"nothing is published{left}"
    )


def _when_unmet(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    ranked = len([line for line in lines if line["rank"]])
    return [
        f"look at the leaderboard: {ranked} candidates are ranked",
        "try other candidates or more series",
        "or accept less: mode advanced has the guardrails",
    ]


def _after(dataset: str) -> list[str]:
    return [
        f"evaluate the series: forecast-assets evaluate {dataset}",
        "publish a model only after a person has looked at it",
    ]


def _summarise(_stores: Stores, launch: Launch, _tries: Sequence[Try]) -> Summary:
    """The sentence that the last step wrote down, or how it was cut short."""
    steps = launch.result.get("next_steps") or [_AGAIN]
    sentence = launch.result.get("sentence") or "it ended before it had done anything"
    if launch.status == "cancelled":
        sentence, steps = "stopped because somebody asked for it", [_AGAIN]
    elif launch.error is not None:
        sentence = f"it ended with a fault: {launch.error['problem']}"
        steps = [launch.error.get("remedy") or _AGAIN]
    progress = {"dry_run": launch.spec["dry_run"], "next_steps": steps}
    return Summary(sentence, {"next_steps": steps, "progress": progress})


def _render(launch: Launch, _tries: Sequence[Try]) -> dict[str, Any]:
    """Summary, next steps and leaderboard."""
    result = launch.result
    metadata: dict[str, Any] = {
        "summary": launch.what,
        "next_steps": dg.MetadataValue.md("\n".join(f"- {step}" for step in result["next_steps"])),
    }
    if (backtests := result.get("backtests")) is not None:
        metadata["leaderboard"] = table(backtests["leaderboard"], _COLUMNS)
    for name in ("dataset_run", "training"):
        if result.get(name) is not None:
            metadata[name] = dg.MetadataValue.json(result[name])
    return metadata


PIPELINE = LaunchKind(
    name="pipeline",
    op="run_pipeline",
    config=PipelineConfig,
    validate=validate,
    execute=_execute,
    summarise=_summarise,
    render=_render,
    word=word,
)

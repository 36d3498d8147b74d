"""What must hold in the stores whatever struck, and a digest of what they hold.

Belongs here: questions over rows, files, events and MLflow.
Does not belong here: answers that depend on which operation was done (``machine``).
"""

import hashlib
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from forecast_assets.stores.rows.registry import LiveVersionsRow
from forecast_assets_tests.chaos.operations import DATASET, SERIES

_TABLES = ("dataset", "snapshot", "series", "evaluation", "backtest_metric", "champion", "forecast",
           "model_version", "promotion")  # fmt: skip
_EMPTY = {
    "two current champions": "select series from champion where is_current group by 1 having count(*) > 1",
    "a decision with more than two rows": "select decision_id from promotion group by 1 having count(*) > 2",
    "an open item of a launch that is over": "select item_id from launch_item join launch using (launch_id) "
    "where launch_item.status in ('pending', 'running') and launch.status not in ('pending', 'running')",
    "a snapshot that lost or doubled rows": "select hash from snapshot where dataset = 'many' "
    "and row_count <> series_count * (last_day - first_day + 1)",
    "an item twice in a launch": "select launch_id from launch_item "
    "group by launch_id, series, candidate, params, parent_item_id having count(*) > 1",
    "a forecast of a series without a champion": "select series from forecast where series not in "
    "(select series from champion where is_current)",
}


def wrong(excused: Collection[str] | None = ()) -> list[str]:
    """Everything that does not hold in the stores, over rows, files, events and MLflow.

    ``excused``: runs of ``red_but_done`` that are known already; none where all of them are.
    """
    import dagster as dg

    from forecast_assets.launches.runs import find
    from forecast_assets.registry.agreement import compare
    from forecast_assets.stores.opening import open_stores
    from forecast_assets.stores.registry import open_registry

    stores, registry = open_stores(), open_registry()
    problems = compare(stores, registry).sentences()
    with dg.DagsterInstance.get() as instance:
        for row in _rows("select launch_id from launch where status in ('pending', 'running')"):
            find(stores, instance, str(row["launch_id"]))  # settles what a dead process left
        green = instance.get_materialized_partitions(dg.AssetKey("champion"))
    red = [] if excused is None else [run_id for run_id in red_but_done() if run_id not in excused]
    problems += [f"run {run_id} completed its launch and failed" for run_id in red]
    open_ = _rows("select kind, launch_id, status from launch where status in ('pending', 'running')")
    problems += [f"a launch that never ends: {row}" for row in open_]
    for what, statement in _EMPTY.items():
        problems += [f"{what}: {row}" for row in _rows(statement)]
    current = {str(row["series"]) for row in _rows("select series from champion where is_current")}
    if lost := green - current:
        problems.append(f"green without a champion: {sorted(lost)}")
    for table in ("series", "evaluation"):
        (count,) = _rows(f"select count(*) as n from {table} where dataset = '{DATASET}'")  # noqa: S608
        if count["n"] != SERIES:
            problems.append(f"{table} has {count['n']} rows of {SERIES}")
    problems += _audited(stores, registry)
    return [*problems, *_trimmed(stores)]


def _audited(stores: Any, registry: Any) -> list[str]:
    live = {
        str(row["series"]): row["live"] for row in stores.warehouse.rows(LiveVersionsRow, dataset=DATASET)
    }
    aliases = registry.aliases(sorted(live)) if live else {}
    return [
        f"{series}: the audit says {version}, the aliases {aliases.get(series)}"
        for series, version in live.items()
        if aliases.get(series, {}).get("champion") != version
    ]


def _trimmed(stores: Any) -> list[str]:
    import dagster as dg

    from forecast_assets.stores.registry import open_registry
    from forecast_assets.stores.retention import Policy, retain

    later = datetime.now(UTC) + timedelta(days=60)  # a clock that jumped left files of tomorrow
    with dg.DagsterInstance.get() as instance:
        for _ in range(2):
            left = retain(stores, instance.delete_run, open_registry, Policy(), apply=True, now=later)
    return [f"{part.count} {part.what} after trimming" for part in left if part.count]


def red_but_done() -> list[str]:
    """Runs that failed, although all work of their launch is on record.

    Right only where the disk was full when it was: such a run cannot even store that it ended well.
    """
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        ids = [row["run_id"] for row in _rows("select run_id from launch where status = 'completed'")]
        runs = instance.get_runs(dg.RunsFilter(run_ids=ids, statuses=[dg.DagsterRunStatus.FAILURE]))
    return [run.run_id for run in runs]


def digest() -> dict[str, str]:
    """What the stores hold, without what is only about when: a hash by table, and of aliases and files."""
    from forecast_assets.stores.opening import open_stores
    from forecast_assets.stores.registry import open_registry

    held: dict[str, Any] = {
        table: sorted(str(sorted(row.items())) for row in _rows(f"select * from {table}"))  # noqa: S608
        for table in _TABLES
    }
    series = [row["series"] for row in _rows("select distinct series from model_version")]
    held["aliases"] = open_registry().aliases(sorted(series)) if series else {}
    held["files"] = [path for path in open_stores().lake.list("") if not path.startswith("batch/")]
    return {
        name: hashlib.sha256(json.dumps(part, sort_keys=True, default=str).encode()).hexdigest()[:12]
        for name, part in held.items()
    }


def _rows(statement: str) -> list[dict[str, Any]]:
    from forecast_assets.stores.opening import open_stores

    with open_stores().warehouse.transaction() as connection:
        return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]

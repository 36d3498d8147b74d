"""Workspaces: the record of a showcase that was kept.

Belongs here: exactly one row per kept run, and what a person does with it afterwards.
Does not belong here: the steps (``steps``).
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.launches.model import TERMINAL
from forecast_assets.launches.showcase.config import ShowcaseConfig
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.launches import WorkspaceRow, WorkspacesRow

NOTES_LENGTH, MOST_TAGS = 2000, 20


def workspace_id(run_id: str) -> str:
    """The handle of a run's workspace: 32 hexadecimal characters."""
    return run_id.replace("-", "")


def create(stores: Stores, config: ShowcaseConfig, launch_id: str) -> str:
    """Keep a showcase as a workspace; a step tried again finds it there."""
    handle = workspace_id(launch_id)
    row = {
        "workspace_id": handle,
        "launch_id": launch_id,
        "name": config.workspace_name,
        "replayed_from": config.replayed_from,
    }
    frame = pl.DataFrame([row], schema_overrides={"replayed_from": pl.String})
    with stores.warehouse.transaction() as connection:
        stores.warehouse.upsert(connection, "workspace", frame, key="workspace_id")
    return handle


def read(stores: Stores, handle: str) -> WorkspaceRow:
    """One workspace, by its handle or its run id. Raises ``UnknownName``."""
    row = stores.warehouse.row(WorkspaceRow, workspace_id=workspace_id(handle))
    if row is None:
        raise UnknownName(
            f"there is no workspace {handle!r}", remedy="see `forecast-assets workspace list --archived`"
        )
    return row


def listed(
    stores: Stores,
    *,
    name: str = "",
    tags: Sequence[str] = (),
    archived: bool = False,
    sort: str = "created_at",
) -> pl.DataFrame:
    """Workspaces whose name holds ``name`` and that have all ``tags``; pinned ones first."""
    return stores.warehouse.frame(WorkspacesRow, name=name, tags=list(tags), archived=archived, sort=sort)


def change(
    stores: Stores,
    handle: str,
    *,
    archived: bool | None = None,
    pinned: bool | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
) -> None:
    """Change what a person says about a workspace; ``None`` keeps. Raises ``ForecastError``."""
    row = read(stores, handle)
    if notes is not None and len(notes) > NOTES_LENGTH:
        raise BadSetting(f"notes of {len(notes):,} characters", remedy=f"use at most {NOTES_LENGTH}")
    if tags is not None and len(tags) > MOST_TAGS:
        raise BadSetting(f"{len(tags):,} tags", remedy=f"use at most {MOST_TAGS}")
    stores.warehouse.execute(
        "workspace_change",
        None,
        workspace_id=row["workspace_id"],
        archived=archived,
        pinned=pinned,
        notes=notes,
        tags=None if tags is None else list(tags),
    )


def delete(stores: Stores, handle: str) -> None:
    """Forget a workspace; what its run made stays. Raises ``ForecastError`` while it runs."""
    row = read(stores, handle)
    if row["status"] not in TERMINAL:
        raise BadSetting(f"workspace {handle} is running", remedy="cancel its run first")
    stores.warehouse.execute("workspace_delete", None, workspace_id=row["workspace_id"])


def replayed(stores: Stores, handle: str) -> ShowcaseConfig:
    """The configuration that repeats a workspace's run as a new one."""
    row = read(stores, handle)
    return ShowcaseConfig(**row["config"], replayed_from=row["workspace_id"])


def difference(recorded: Mapping[str, object], sent: Mapping[str, object]) -> list[str]:
    """What differs between two configurations, a line each; nothing when they are the same."""
    before, now = (json.dumps(one, indent=1, sort_keys=True).splitlines() for one in (recorded, sent))
    return [line for line in difflib.ndiff(before, now) if line[0] in "+-"]


def run_config(stores: Stores, handle: str) -> dict[str, Any]:
    """What is put into the Launchpad of ``showcase`` to reproduce a workspace. Raises ``UnknownName``."""
    return {"ops": {"run_showcase": {"config": read(stores, handle)["config"]}}}


def compared(stores: Stores, first: str, second: str) -> list[str]:
    """What differs between two workspaces, a line each; how long they took does not count."""
    one, two = (_listed_row(read(stores, handle)) for handle in (first, second))
    return difference(one, two)


def _listed_row(row: WorkspaceRow) -> dict[str, object]:
    timeless = {name: value for name, value in row["result_summary"].items() if name != "wall_clock_s"}
    return {"config": row["config"], "result": timeless, "status": row["status"]}

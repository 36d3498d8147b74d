"""The jobs ``change_workspace`` and ``replay_workspace``.

Belongs here: thin ops, and what Dagit shows of a kept showcase.
Does not belong here: records (``workspaces``) and the showcase itself (``run``).
"""

from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from forecast_assets.confirmation import check_confirmation
from forecast_assets.errors import BadSetting
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.launches.jobs import carry_out
from forecast_assets.launches.showcase import workspaces
from forecast_assets.launches.showcase.run import SHOWCASE
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import RegistryResource, StoresResource

_HANDLE = "Workspace id, or the run id of its showcase."
Action = Enum(
    "Action",
    {
        "restore": "restore",
        "compare": "compare",
        "archive": "archive",
        "unarchive": "unarchive",
        "pin": "pin",
        "unpin": "unpin",
        "annotate": "annotate",
        "delete": "delete",
    },
)


class WorkspaceConfig(dg.Config):
    """What is done with which workspace."""

    workspace: str = Field(description=_HANDLE)
    action: Action = Field(
        description="restore: show the configuration that reproduces it; compare: with another one; "
        "delete forgets the record only: what the run made stays."
    )
    other: str | None = Field(default=None, description="compare: the other workspace.")
    notes: str | None = Field(default=None, description="annotate: up to 2000 characters.")
    tags: list[str] | None = Field(
        default=None, description="annotate: up to 20 tags, instead of those before."
    )


@dg.op(retry_policy=RETRY)
def apply_to_workspace(
    context: dg.OpExecutionContext, config: WorkspaceConfig, stores: StoresResource
) -> None:
    """Restore, compare, archive, pin, annotate or delete a workspace."""
    with refusals_final():
        context.add_output_metadata(apply(stores.open(), config))
    context.log.info("%s: workspace %s", config.action.value, config.workspace)


def apply(stores: Stores, config: WorkspaceConfig) -> dict[str, Any]:
    """Do what is asked with a workspace, and return what there is to show. Raises ``ForecastError``."""
    action = config.action.value
    flags: dict[str, dict[str, Any]] = {
        "archive": {"archived": True},
        "unarchive": {"archived": False},
        "pin": {"pinned": True},
        "unpin": {"pinned": False},
        "annotate": {"notes": config.notes, "tags": config.tags},
    }
    if action == "restore":
        return {"run_config": dg.MetadataValue.json(workspaces.run_config(stores, config.workspace))}
    if action == "compare":
        if config.other is None:
            raise BadSetting("there is nothing to compare with", remedy="set other")
        return {"difference": _lines(workspaces.compared(stores, config.workspace, config.other))}
    if action == "delete":
        workspaces.delete(stores, config.workspace)
    else:
        workspaces.change(stores, config.workspace, **flags[action])
    return {"done": action}


def _lines(difference: list[str]) -> str:
    return "\n".join(difference) or "nothing differs"


@dg.job(config=example("apply_to_workspace", workspace=NEWEST, action="restore"))
def change_workspace() -> None:
    """Restore, compare, archive, pin, annotate or delete a workspace."""
    apply_to_workspace()


class ReplayConfig(dg.Config):
    """Which workspace is run again."""

    workspace: str = Field(description=_HANDLE)
    confirm: str = Field(
        default="", description="Left empty: only say what would be sent, and what to type here."
    )


@dg.op(retry_policy=RETRY)
def run_workspace_again(
    context: dg.OpExecutionContext, config: ReplayConfig, stores: StoresResource, registry: RegistryResource
) -> None:
    """Run a kept showcase again as a new one; its recorded configuration is sent as it is."""
    with refusals_final():
        opened = stores.open()
        recorded: Any = workspaces.read(opened, config.workspace)["config"]
        sent = workspaces.replayed(opened, config.workspace)
        difference = _lines(workspaces.difference(recorded, sent.recorded()))
        phrase = f"replay {sent.workspace_name}"
        if config.confirm:
            check_confirmation(config.confirm, phrase)
    warned = "; its dataset is deleted first" if sent.reset else ""
    context.log.info("recorded against sent: %s%s", difference, warned)
    if config.confirm:
        carry_out(SHOWCASE, context, sent, opened, registry.open)
        return
    context.add_output_metadata(
        {
            "recorded_against_sent": difference,
            "run_config": dg.MetadataValue.json(workspaces.run_config(opened, config.workspace)),
            "to_apply_type": f"{phrase}{warned}",
        }
    )


@dg.job(config=example("run_workspace_again", workspace=NEWEST))
def replay_workspace() -> None:
    """Run a kept showcase again: first what would be sent, then with a typed confirmation."""
    run_workspace_again()

"""What a workspace refers to, and whether it is still there.

Belongs here: the showcases that it repeats, and a look at everything that its run made.
Does not belong here: the record itself (``workspaces``).
"""

from collections.abc import Callable, Mapping

from forecast_assets.datasets import definition
from forecast_assets.errors import Outage
from forecast_assets.launches import records
from forecast_assets.launches.showcase import workspaces
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.forecasts import PlansRow
from forecast_assets.stores.rows.launches import WorkspaceLineageRow

DEEPEST = 5
_Look = Callable[[Stores, Callable[[], Registry], str], bool]


def lineage(stores: Stores, handle: str) -> list[WorkspaceLineageRow]:
    """A workspace and those that it repeats, up to five of them; a deleted one ends the chain.

    Raises ``UnknownName``.
    """
    own = workspaces.read(stores, handle)["workspace_id"]
    return stores.warehouse.rows(WorkspaceLineageRow, workspace_id=own, at_most=DEEPEST)


def links(stores: Stores, handle: str, registry: Callable[[], Registry]) -> list[dict[str, str]]:
    """One row per thing that the run made: alive, dead, or unknown where its place cannot be asked.

    Raises ``UnknownName``.
    """
    created = workspaces.read(stores, handle)["created_objects"]
    return [
        {"kind": kind, "reference": one, "state": _state(stores, registry, there, one)}
        for kind, there in _LOOKS.items()
        for one in _each(created.get(kind))
    ]


def _each(value: object) -> list[str]:
    return [] if value is None else [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _state(stores: Stores, registry: Callable[[], Registry], there: _Look, reference: str) -> str:
    try:
        return "alive" if there(stores, registry, reference) else "dead"
    except Outage:
        return "unknown"


def _alias(_stores: Stores, registry: Callable[[], Registry], reference: str) -> bool:
    model, _, alias = reference.partition("@")
    return alias in registry().aliases([model]).get(model, {})


_LOOKS: Mapping[str, _Look] = {
    "dataset": lambda stores, _, name: name in definition.names(stores),
    "batch_id": lambda stores, _, one: records.find(stores, one) is not None,
    "comparison_id": lambda stores, _, one: records.find(stores, one) is not None,
    "scenario_plan_ids": lambda stores, _, one: bool(
        stores.warehouse.rows(PlansRow, names=[one], dataset=None, tags=[])
    ),
    "artifact_paths": lambda stores, _, path: bool(stores.lake.files(path)),
    "alias": _alias,
}

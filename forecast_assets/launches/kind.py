"""What a kind of launched work consists of, and what it finds when it is executed.

Belongs here: the contract between every kind and the one life of all launches (``lifecycle``).
Does not belong here: any kind, and the rows (``records``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import dagster as dg
from pydantic import BaseModel

from forecast_assets.dagster_internals.interrupts import terminations
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.launches import records
from forecast_assets.launches.model import BY_ITEM, JOBS, Item, ItemResult, Launch, Plan, Try
from forecast_assets.launches.worker_pool import RunControl, TaskSource, WorkerPool
from forecast_assets.stores import Stores
from forecast_assets.stores.locks import Locks
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.values import Json, Status

Config = TypeVar("Config", bound=BaseModel)


class Stopped(Exception):
    """Somebody asked for the end between two steps."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a launch amounts to when it ends; ``status`` where its items alone do not say it."""

    what: str
    result: Mapping[str, object] = field(default_factory=dict)
    status: Status | None = None
    error: Json | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Execution:
    """A launch that is being worked on, by the run of ``context`` where there is one.

    ``registry`` opens MLflow, which takes a second, for those who need it.
    """

    stores: Stores
    launch: Launch
    control: RunControl
    context: dg.OpExecutionContext | None
    locks: Locks
    is_terminated: Callable[[], bool]
    registry: Callable[[], Registry]

    def is_asked_to_end(self) -> bool:
        """Whether somebody asked for the end of the process, of the run, or of the launch."""
        return (
            self.is_terminated()
            or self.control.asked_to_end()
            or records.is_cancelled(self.stores, self.launch.launch_id)
        )

    def check(self) -> None:
        """Raise ``Stopped`` when somebody asked for the end."""
        if self.is_asked_to_end():
            raise Stopped

    def note(self, **values: object) -> None:
        """Write down parts of the result that are known by now."""
        records.note(self.stores, self.launch.launch_id, **values)

    def event(self, name: str, **about: object) -> None:
        """Log what happened in the words by which a log is searched; a retry keeps the correlation id."""
        details = "".join(f" {key}={value}" for key, value in about.items())
        self.control.log(f"{self.launch.kind}.{name} correlation_id={self.launch.launch_id}{details}")

    def work_off(
        self,
        work: Callable[[Sequence[Item]], list[ItemResult]],
        *,
        slots: int,
        most_at_once: int = 1,
        ageing_minutes: int | None = None,
    ) -> None:
        """Let threads claim items, ``work`` on them and record how they ended, until none waits.

        ``slots`` are shared by all launches of this kind. A group of items costs less than its members one
        by one; the smaller it is, the sooner a cancellation acts.
        """
        launch, stores = self.launch, self.stores
        at_once = max(1, min(most_at_once, -(-launch.total // (4 * launch.max_parallel))))

        def run_next() -> bool:
            items = records.claim(stores, launch, at_once)
            if items:
                self.event("item_started", items=[item.item_id for item in items])
                results = _results(work, items)
                records.record(stores, launch, results)
                self._log_results(results)
            return bool(items)

        source = TaskSource(
            run_next=run_next,
            has_waiting=lambda: records.has_waiting(stores, launch.launch_id),
            cancel=lambda: records.cancel(stores, launch.launch_id),
            look=lambda: (
                None if ageing_minutes is None else records.age(stores, launch.launch_id, ageing_minutes)
            ),
            pool=launch.kind,
            slots=slots,
        )
        control = RunControl(self.is_asked_to_end, self.control.log)
        with terminations() as is_terminated:
            WorkerPool(self.locks, source, launch.max_parallel).run(is_terminated, control)

    def _log_results(self, results: Sequence[ItemResult]) -> None:
        if good := [one.item_id for one in results if one.error is None]:
            self.event("item_completed", items=good)
        by_error: dict[str, list[int]] = {}
        for one in results:
            if one.error is not None:
                by_error.setdefault(one.error, []).append(one.item_id)
        for error, items in by_error.items():
            self.event("item_failed", items=items, error=error)


def _results(work: Callable[[Sequence[Item]], list[ItemResult]], items: Sequence[Item]) -> list[ItemResult]:
    try:
        return work(items)
    except Outage:
        raise
    except Exception as error:  # noqa: BLE001 - costs this group, and is on record with each of its items
        message = f"{type(error).__name__}: {error}"
        return [ItemResult(item.item_id, None, message, type(error).__name__) for item in items]


@dataclass(frozen=True, slots=True)
class LaunchKind(Generic[Config]):
    """One kind of launched work, run by the op ``op`` of its job.

    ``validate`` refuses what cannot be done before anything is written, ``execute`` does it (and returns how
    it ended where there are no items), ``summarise`` says once what it amounts to, ``render`` what Dagit
    shows of it. A launch ``by_item`` keeps its record when its failed items are tried again; another one is
    done again as a whole, with a record of its own. ``word`` is its status in the kind's own words,
    ``command`` what carries it out where no job does, with ``DATASET`` for its dataset.
    """

    name: str
    op: str
    config: type[Config]
    validate: Callable[[Stores, Config], Plan]
    execute: Callable[[Execution], Status | None]
    summarise: Callable[[Stores, Launch, Sequence[Try]], Summary]
    render: Callable[[Launch, Sequence[Try]], Mapping[str, Any]]
    is_exclusive: bool = False
    word: Callable[[Launch], str] = lambda launch: launch.status
    command: str = ""

    @property
    def by_item(self) -> bool:
        """Whether its failed items are tried again on its record."""
        return self.name in BY_ITEM

    @property
    def job(self) -> str:
        """The job that runs it; empty where a command does."""
        return JOBS.get(self.name, "")


def followed(
    name: str,
    summarise: Callable[[Stores, Launch, Sequence[Try]], Summary],
    *,
    command: str,
    op: str = "",
) -> LaunchKind[BaseModel]:
    """Return a kind that its own command or job carries out while ``lifecycle.follow`` keeps its record."""

    def refuse(*_: object) -> Any:  # noqa: ANN401 - it never returns
        raise BadSetting(
            f"{name} is carried out by its own command", remedy=f"run `forecast-assets {command}`"
        )

    return LaunchKind(
        name=name,
        op=op,
        config=BaseModel,
        validate=refuse,
        execute=refuse,
        summarise=summarise,
        render=lambda _launch, _tries: {},
        command=command,
    )

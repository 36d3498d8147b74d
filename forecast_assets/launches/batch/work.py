"""A batch from its first item to its settlement, and what to do when its process died.

Belongs here: the order of things, whatever ends them early.
Does not belong here: Dagster, threads (``crew``), records (``store``).
"""

from collections.abc import Callable, Sequence

from forecast_assets.dagster_internals.interrupts import terminations
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.global_models.fold_models import Fitted
from forecast_assets.launches.batch import start, store, training
from forecast_assets.launches.batch.config import BatchConfig
from forecast_assets.launches.batch.registering import Registrar
from forecast_assets.launches.batch.request import REGISTER, checked
from forecast_assets.launches.batch.scoring import score
from forecast_assets.launches.batch.store import CANCELLED, NEVER_BEGUN, ORPHANED, Done, Item, Terms
from forecast_assets.launches.scoring_context import fit_missing, lay_out
from forecast_assets.launches.settlement import TERMINAL
from forecast_assets.launches.worker_pool import Crew, Labour, Watch
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.warehouse import Row

LOCK = "batch"
# Does a group of items, and answers how each of them ended.
Work = Callable[[Sequence[Item]], list[Done]]
# The more items one pass of the engine takes, the less each costs; the fewer, the sooner a cancellation acts.
_MOST_AT_ONCE = 256


def run(
    stores: Stores,
    config: BatchConfig,
    *,
    batch_id: str,
    run_id: str,
    items: Sequence[int] | None,
    watch: Watch,
    fitted: Callable[[Sequence[Fitted]], object],
) -> Row:
    """Work a batch off, the first time or again, and answer its settled row.

    ``batch_id`` is the first run's id, ``run_id`` this run's; ``items`` limits what is tried again.
    ``fitted`` hears of global models that had to be fitted.
    Raises ``ForecastError`` before the first item when the batch cannot be done, ``Outage`` at any time.
    """
    with stores.warehouse.locks() as locks:
        if not locks.take(LOCK, batch_id):
            raise BadSetting(
                f"batch {batch_id} is being worked on by another process",
                remedy="wait for its end, or cancel it first",
            )
        row = stores.warehouse.row("batch", batch_id=batch_id)
        if row is None:
            store.create(stores, checked(stores, config), batch_id=batch_id)
            _event(watch, batch_id, "created")
        elif row["run_id"] == run_id and row["status"] in TERMINAL:
            return row  # the step is tried again for what came after the settlement
        terms = start.begin(stores, batch_id, run_id=run_id, items=items)
        work = _prepared(stores, terms, fitted)
        with terminations() as terminated:
            Crew(locks, _labour(stores, terms, work, watch), terms.parallel).work(terminated, watch)
            row = store.settle(stores, batch_id, pending=NEVER_BEGUN, running=CANCELLED)
        _event(watch, batch_id, "completed", status=row["status"])
        return row


def _event(watch: Watch, batch_id: str, name: str, **about: object) -> None:
    """Tell what happened in the words by which a log is searched; a retry keeps the correlation id."""
    told = "".join(f" {key}={value}" for key, value in about.items())
    watch.tell(f"batch.{name} correlation_id={batch_id}{told}")


def _ended(watch: Watch, batch_id: str, done: Sequence[Done]) -> None:
    good = [one.item_id for one in done if one.error is None]
    if good:
        _event(watch, batch_id, "item_completed", items=good)
    by_error: dict[str | None, list[int]] = {}
    for one in done:
        if one.error is not None:
            by_error.setdefault(one.error, []).append(one.item_id)
    for error, items in by_error.items():
        _event(watch, batch_id, "item_failed", items=items, error=error)


def _prepared(stores: Stores, terms: Terms, fitted: Callable[[Sequence[Fitted]], object]) -> Work:
    """Read and fit what all items need; a batch that cannot begin is settled before the error goes on."""
    try:
        if terms.operation in {"train", "predict"}:
            shop = training.furnish(stores, terms)
            return lambda items: training.make(stores, terms, shop, items)
        fitted(fit_missing(stores, terms.dataset, terms.settings, run_id=terms.run_id))
        rows = stores.warehouse.rows("batch_items", batch_id=terms.batch_id)
        waiting = sorted({str(row["series"]) for row in rows if row["status"] == "pending"})
        board = lay_out(stores, terms.dataset, terms.settings, terms.window, waiting)
        if terms.operation == REGISTER:
            return Registrar(stores, open_registry(), terms, board, training.furnish(stores, terms)).work
        return lambda items: score(board, items)
    except Outage:
        raise
    except Exception as error:
        told = (f"{type(error).__name__}: {error}"[: store.MESSAGE_LENGTH], type(error).__name__)
        store.settle(stores, terms.batch_id, pending=told, running=told)
        raise
    except BaseException:
        store.cancel(stores, terms.batch_id)
        store.settle(stores, terms.batch_id, pending=CANCELLED, running=CANCELLED)
        raise


def _labour(stores: Stores, terms: Terms, work: Work, watch: Watch) -> Labour:
    at_once = max(1, min(_MOST_AT_ONCE, -(-terms.items // (4 * terms.parallel))))
    ageing = environment().batch_ageing_minutes

    def piece() -> bool:
        items = store.claim(stores, terms, at_once)
        if items:
            _event(watch, terms.batch_id, "item_started", items=[item.item_id for item in items])
            done = _done(work, items)
            store.record(stores, terms, done)
            _ended(watch, terms.batch_id, done)
        return bool(items)

    return Labour(
        piece=piece,
        waits=lambda: store.waits(stores, terms.batch_id),
        cancel=lambda: store.cancel(stores, terms.batch_id),
        look=lambda: None if ageing is None else store.age(stores, terms.batch_id, ageing),
        pool="batch",
        places=environment().batch_max_parallel,
    )


def _done(work: Work, items: Sequence[Item]) -> list[Done]:
    try:
        return work(items)
    except Outage:
        raise
    except Exception as error:  # noqa: BLE001 - costs this group, and is on record with each of its items
        told = f"{type(error).__name__}: {error}"
        return [Done(item.item_id, None, told, type(error).__name__) for item in items]


def settle_dead(stores: Stores, batch_id: str) -> bool:
    """Settle a batch whose process is gone; answer whether there was anything to settle.

    Nothing happens while a process still holds the batch, however it looks in Dagster.
    """
    with stores.warehouse.locks() as locks:
        row = stores.warehouse.row("batch", batch_id=batch_id)
        if row is None or row["completed_at"] is not None or not locks.take(LOCK, batch_id):
            return False
        store.settle(stores, batch_id, pending=NEVER_BEGUN, running=ORPHANED)
        return True

"""A batch from its first item to its settlement, and what to do when its process died.

Belongs here: the order of things, whatever ends them early.
Does not belong here: Dagster, threads (``crew``), records (``store``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from forecast_assets.backtests.global_forecasts import Fitted
from forecast_assets.bookkeeping.interrupts import terminations
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.portfolio.batch import hand, store
from forecast_assets.portfolio.batch.config import BatchConfig
from forecast_assets.portfolio.batch.crew import Crew
from forecast_assets.portfolio.batch.request import checked
from forecast_assets.portfolio.batch.scoring import Board, fit_missing, lay_out
from forecast_assets.portfolio.batch.store import CANCELLED, NEVER_BEGUN, ORPHANED, Terms
from forecast_assets.portfolio.settlement import TERMINAL
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

LOCK = "batch"


@dataclass(frozen=True, slots=True)
class Watch:
    """How work learns that it is to end, and tells how far it is."""

    asked_to_end: Callable[[], bool]
    tell: Callable[[str], object]
    fitted: Callable[[Sequence[Fitted]], object]


def run(
    stores: Stores,
    config: BatchConfig,
    *,
    batch_id: str,
    run_id: str,
    items: Sequence[int] | None,
    watch: Watch,
) -> Row:
    """Work a batch off, the first time or again, and answer its settled row.

    ``batch_id`` is the first run's id, ``run_id`` this run's; ``items`` limits what is tried again.
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
        elif row["run_id"] == run_id and row["status"] in TERMINAL:
            return row  # the step is tried again for what came after the settlement
        terms = hand.begin(stores, batch_id, run_id=run_id, items=items)
        board = _prepared(stores, terms, watch)
        with terminations() as terminated:
            crew = Crew(stores, locks, terms, board)
            crew.work(terminated, watch.asked_to_end, watch.tell)
            return store.settle(stores, batch_id, pending=NEVER_BEGUN, running=CANCELLED)


def _prepared(stores: Stores, terms: Terms, watch: Watch) -> Board:
    """Read and fit what all items need; a batch that cannot begin is settled before the error goes on."""
    try:
        watch.fitted(fit_missing(stores, terms.dataset, terms.settings, run_id=terms.run_id))
        rows = stores.warehouse.rows("batch_items", batch_id=terms.batch_id)
        waiting = sorted({str(row["series"]) for row in rows if row["status"] == "pending"})
        return lay_out(stores, terms.dataset, terms.settings, terms.window, waiting)
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

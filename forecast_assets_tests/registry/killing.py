"""Promote a series and be killed at one line of the protocol, for every line that writes; a program.

Prints one JSON object per line: what a reader saw after the kill, and after a second call.
"""

import json
import os
import signal
import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from forecast_assets.registry import promotion
from forecast_assets.registry.promotion import Decision, Move, carry_out
from forecast_assets.stores.model_versions import NewVersion
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.resource import open_stores
from forecast_assets.stores.rows.registry import AuditRow

FILE = Path(promotion.__file__).name
# Whatever is written, in the record or in MLflow, is written by a line of one of these.
WRITING = {"_begin", "_append", "_switch", "_complete"}
DECISION = Decision("run-1", "promoted", "ann")


def main() -> None:
    stores, registry = open_stores(), open_registry()

    def promote(series: str) -> str:
        (moved,) = carry_out(stores, registry, DECISION, [Move(series, 1, 2)])
        return moved.outcome

    def recorded(series: str) -> list[str]:
        rows = stores.warehouse.rows(AuditRow, dataset="kill", series=[series])
        return [str(row["state"]) for row in rows]

    for line in count(1):
        series = f"kill__S__P{line:03d}"
        for recipe in ("old", "new"):
            version = NewVersion(series, recipe, "0" * 32, "bundle", {}, {})
            registry.add_versions([version])
        tuple(carry_out(stores, registry, Decision("run-0", "promoted", "ann"), [Move(series, None, 1)]))
        registry.move_alias(series, "challenger", 2)
        stores.warehouse.dispose()
        registry.dispose()
        for engine in SqlAlchemyStore._engine_map.values():
            engine.dispose()
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            sys.settrace(_killer(line))
            promote(series)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        seen = registry.aliases([series])[series]
        again = promote(series)
        third = promote(series)
        report = {
            "line": line,
            "killed": os.WIFSIGNALED(status),
            "seen": seen,
            "again": again,
            "third": third,
            "aliases": registry.aliases([series])[series],
            "record": recorded(series),
            "versions": len(registry.versions(series)) if line == 1 else 2,
        }
        print(json.dumps(report), flush=True)  # noqa: T201 - the answer
        if not os.WIFSIGNALED(status):
            return


def _killer(line: int) -> Any:
    """A trace function that kills the process when the protocol reaches its line number ``line``."""
    passed = 0

    def inside(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal passed
        if event == "line":
            passed += 1
            if passed == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return inside

    def outside(frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        return inside if code.co_name in WRITING and code.co_filename.endswith(FILE) else None

    return outside


if __name__ == "__main__":
    main()

"""Work in processes of its own: forked from one that has everything imported, watched, with its own clock.

Belongs here: starting a child, waiting for its end, giving it another clock.
Does not belong here: what it does.
"""

import contextlib
import datetime as dt
import gc
import io
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from forecast_assets_tests.chaos.faults import Writes

PATIENCE = 240.0
HANGS = 124
_NAP = 0.01
_DATETIME = datetime


class Child:
    """A forked process that does ``work``, and what it answers."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._reading, writing = os.pipe()
        before = set(sys.modules)
        self._pid = os.fork()
        if self._pid == 0:
            code = 70
            gc.disable()  # none lives for long
            try:
                os.close(self._reading)
                _hurry()
                answer = str(work())
                _write(writing, " ".join(sys.modules.keys() - before) + "\n" + answer)
                code = 0
            except BaseException:  # noqa: BLE001 - whatever it is goes to the parent
                _write(writing, traceback.format_exc())
            finally:
                os._exit(code)
        os.close(writing)

    def result(self, patience: float = PATIENCE) -> tuple[int, str]:
        """Wait for the end; return the exit code (negative: the signal) and what was answered."""
        answer, end = b"", time.monotonic() + patience
        while select.select([self._reading], [], [], max(0.0, end - time.monotonic()))[0]:
            if not (part := os.read(self._reading, 65_536)):
                break
            answer += part
        else:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            return HANGS, f"it hangs for {patience:.0f} s"
        os.close(self._reading)
        code, text = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1]), answer.decode(errors="replace")
        if code == 0:
            modules, _, text = text.partition("\n")
            for name in modules.split():  # imported here, they cost no other child anything
                with contextlib.suppress(Exception):
                    import_module(name)
        return code, text


def _write(pipe: int, text: str) -> None:
    with os.fdopen(os.dup(pipe), "wb") as file:
        file.write(text.encode())


def begun(
    words: Sequence[str] | Callable[[], Any],
    kind: str | None = None,
    at: int = 0,
    server: Path | None = None,
    jump: float = 0.0,
) -> Child:
    """Begin a command, or a function of the product, in a child whose clock is ``jump`` days off."""

    def work() -> str:
        writes = Writes(Path(os.environ["FORECAST_HOME"]), kind, at, server)
        if jump:
            set_clock(jump)
        return json.dumps({**called(words), "writes": writes.counts})

    return Child(work)


def called(words: Sequence[str] | Callable[[], Any]) -> dict[str, Any]:
    """Do a command, or a function of the product, in this process; return its exit code and what it says."""
    from forecast_assets.cli.app import app
    from forecast_assets.cli.refusals import errors_on_console

    captured, refused, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(captured), contextlib.redirect_stderr(refused):
        try:
            with errors_on_console():
                words() if callable(words) else app(list(words), standalone_mode=False)
        except SystemExit as left:
            code = int(left.code or 0)
        except BaseException:  # noqa: BLE001 - a trace is what must not happen
            return {"code": 70, "trace": traceback.format_exc()[-3000:]}
    return {"code": code, "said": captured.getvalue() or refused.getvalue()}


def ended(child: Child) -> tuple[int, dict[str, Any]]:
    """Wait for the end of a child; return its exit code and its writes, words or trace."""
    code, answer = child.result()
    if code != 0:
        return code, {"trace": answer}
    output = json.loads(answer)
    return output["code"], output


def command(words: Sequence[str] | Callable[[], Any], **fault: Any) -> tuple[int, dict[str, Any]]:
    """Run a command in a process of its own, to its end."""
    return ended(begun(words, **fault))


def _hurry() -> None:
    """Let this process try again at once whatever it waits for, and believe that the time has passed."""
    skipped, sleep, now, monotonic = 0.0, time.sleep, time.time, time.monotonic

    def short(seconds: float) -> None:
        nonlocal skipped
        sleep(min(seconds, _NAP))  # other processes need some
        skipped += max(0.0, seconds - _NAP)

    replaced = {"sleep": short, "time": lambda: now() + skipped, "monotonic": lambda: monotonic() + skipped}
    vars(time).update(replaced)


def set_clock(days: float) -> None:
    """Let this process believe that it is ``days`` later (or earlier), as after a jump of the clock."""
    shift, now = dt.timedelta(days=days), time.time

    class Meta(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, _DATETIME)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, _DATETIME)

    class Shifted(datetime, metaclass=Meta):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return _DATETIME.now(tz) + shift

    shifted = ModuleType(dt.__name__)
    vars(shifted).update(vars(dt), datetime=Shifted)
    time.time = lambda: now() + shift.total_seconds()
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith(("forecast_assets.", "dagster")):
            for name, value in list(vars(module).items()):
                if value is _DATETIME:
                    setattr(module, name, Shifted)
                elif value is dt:  # not everybody's: Polars knows no other class of times
                    setattr(module, name, shifted)

"""Keeping code of others at arm's length: what it breaks, it breaks in a process of its own.

Belongs here: running a candidate for one series with a time limit, judging its answer.
Does not belong here: the candidates.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Forecasts, Positions
from forecast_assets.forecasting.core.panel import Panel

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess


SECONDS = 60.0
_BYTES = 6 << 30
_START_SECONDS = 120.0


class Failed(Exception):
    """A candidate gave no usable answer; its message says why."""


class Sandbox:
    """One process that runs foreign candidates, series by series; a new one after a failure that ends it."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._process: BaseProcess | None = None
        self._line: Connection | None = None

    def predict(
        self, label: str, panel: Panel, cutoffs: Positions, horizon: int, window: int | None
    ) -> Forecasts:
        """Forecast one series (1, k, horizon). Raises ``Failed`` with the reason."""
        line = self._started()
        line.send((label, panel, cutoffs, horizon, window))
        if not line.poll(self._seconds):
            self.close()
            raise Failed(f"no answer within {self._seconds:g} seconds")
        try:
            answer = line.recv()
        except EOFError:
            raise Failed(f"its process ended ({self._ended()}), perhaps for want of memory") from None
        if isinstance(answer, str):
            raise Failed(answer)
        return _judged(np.asarray(answer), (1, len(cutoffs), horizon))

    def _started(self) -> Connection:
        if self._line is None:
            context = get_context("spawn")
            self._line, theirs = context.Pipe()
            self._process = context.Process(target=_work, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
            if not self._line.poll(_START_SECONDS) or self._line.recv() != "ready":
                self.close()
                raise Failed("the process for foreign models does not start")
        return self._line

    def _ended(self) -> str:
        if self._process is not None:
            self._process.join()
        code = self._process.exitcode if self._process else None
        self.close()
        return f"exit code {code}"

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._line is not None:
            self._line.close()
        self._process = self._line = None


@contextmanager
def sandbox(seconds: float = SECONDS) -> Iterator[Sandbox]:
    """A sandbox that leaves no process behind."""
    opened = Sandbox(seconds)
    try:
        yield opened
    finally:
        opened.close()


def _judged(answer: NDArray[np.generic], shape: tuple[int, ...]) -> Forecasts:
    if answer.shape != shape:
        raise Failed(f"an answer of shape {answer.shape} instead of {shape}")
    if answer.dtype.kind not in "fiu":
        raise Failed(f"an answer of {answer.dtype} instead of numbers")
    forecasts: Forecasts = answer.astype(np.float32)
    if np.isinf(forecasts).any():
        raise Failed("an infinite forecast")
    if (forecasts < 0).any():
        raise Failed("a negative forecast")
    if np.isnan(forecasts).all():
        raise Failed("no number: the history is too short for it")
    return forecasts


def _work(line: Connection) -> None:
    """Return requests until the line is closed; what a library prints goes nowhere."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    from forecast_assets.forecasting.core.candidates.catalogue import local  # noqa: PLC0415 - the parent imports us

    line.send("ready")
    while True:
        try:
            label, panel, cutoffs, horizon, window = line.recv()
        except EOFError:
            return
        try:
            line.send(local(label).predict(panel, cutoffs, horizon, window))
        except Exception as error:  # noqa: BLE001 - a foreign model may raise anything
            line.send(f"{type(error).__name__}: {error}".splitlines()[0])

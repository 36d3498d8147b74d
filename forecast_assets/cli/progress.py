"""A bar over the steps of an evaluation, with the time that is left, from the first second on.

Belongs here: showing what the work says of itself (``forecast_assets.progress``).
Does not belong here: the work, and which steps a command needs.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from forecast_assets.cli.refusals import SAY
from forecast_assets.progress import PROGRESS

# Steps of Dagster's runs by the name that a person reads: seconds of each, and per thousand series.
EVALUATION: Mapping[str, tuple[str, float, float]] = {
    "sales": ("checking and freezing the sales", 1.0, 0.4),
    "panel": ("building the panel", 0.5, 0.3),
    "global_forecasts": ("fitting global models", 3.0, 0.8),
    "evaluate": ("backtesting series", 1.0, 1.0),
    "production_models": ("fitting production models", 2.0, 0.5),
    "forecast": ("forecasting", 1.5, 0.8),
}
_START = "starting"
# Runs over scattered series have an op of another name for the same step.
_SAME = {"evaluate_stale_series": "evaluate", "forecast_stale_series": "forecast"}
_TICK_SECONDS = 0.25
# A step that takes longer than expected is never said to be done.
_ALMOST = 0.97


@dataclass(slots=True)
class _Course:
    """Which step is being done since when, and how fast the steps before it were."""

    expected: dict[str, float]
    start: float = field(default_factory=time.monotonic)
    step: str = ""
    since: float = field(default_factory=time.monotonic)
    share: float | None = None

    def begin(self, step: str) -> None:
        self.step, self.since, self.share = step, time.monotonic(), None

    @property
    def _finished(self) -> float:
        names = list(self.expected)
        return sum(self.expected[name] for name in names[: names.index(self.step)]) if self.step else 0.0

    @property
    def done(self) -> float:
        """Share of all steps that is done, from 0 to 1."""
        if not self.step:
            return 0.0
        expected = self.expected[self.step]
        share = self.share if self.share is not None else (time.monotonic() - self.since) / expected
        return (self._finished + expected * min(share, _ALMOST)) / sum(self.expected.values())

    @property
    def left(self) -> str:
        """Time that is left if the rest goes as fast as what was done."""
        whole, spent, done = sum(self.expected.values()), time.monotonic() - self.start, self.done
        seconds = whole - spent if done < 0.1 else spent / done * (1 - done)  # noqa: PLR2004 - too early to tell
        seconds = max(seconds, 1.0)
        return f"about {seconds / 60:,.0f} min left" if seconds > 90 else f"about {seconds:,.0f} s left"  # noqa: PLR2004


@contextmanager
def steps_shown(dataset: str, series: int) -> Iterator[None]:
    """Show the steps of an evaluation of ``series`` series; a line for each where nobody looks.

    The first one is the start, which is imports: it is shown before them.
    """
    course = _Course({name: once + each * series / 1000 for name, (_, once, each) in EVALUATION.items()})
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    is_line_by_line = not SAY.is_terminal
    if is_line_by_line:
        SAY.print(f"{dataset}: {_START}", markup=False)
    hidden = is_line_by_line and not SAY.is_jupyter
    with Progress(*columns, console=SAY, transient=True, disable=hidden) as bar:
        task = bar.add_task(f"{dataset}: {_START}", total=1.0, left=course.left)
        over = threading.Event()

        class Follow(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                values = vars(record)
                step = _SAME.get(values.get("step", ""), values.get("step", ""))
                if "total" in values:
                    course.share = values["done"] / max(values["total"], 1)
                elif step in EVALUATION and step != course.step:
                    course.begin(step)
                    bar.update(task, description=f"{dataset}: {EVALUATION[step][0]}")
                    if is_line_by_line:
                        SAY.print(f"{dataset}: {EVALUATION[step][0]}", markup=False)

        def tick() -> None:
            while not over.wait(_TICK_SECONDS):
                bar.update(task, completed=course.done, left=course.left)

        handler = Follow()
        level, propagate = PROGRESS.level, PROGRESS.propagate
        PROGRESS.addHandler(handler)
        PROGRESS.setLevel(logging.INFO)
        PROGRESS.propagate = False
        ticking = threading.Thread(target=tick, daemon=True)
        ticking.start()
        try:
            yield
        finally:
            over.set()
            ticking.join()
            PROGRESS.removeHandler(handler)
            PROGRESS.setLevel(level)
            PROGRESS.propagate = propagate

"""How much of a run's time may be spent on pictures that perhaps nobody looks at.

Belongs here: the decision whether one more picture is drawn.
Does not belong here: drawing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

# Share of the time of everything else in the run.
SHARE = 0.2
# A run of so few series shows all of them.
ALWAYS = 10
NOT_DRAWN = (
    "Not drawn, because pictures of all series would slow the run down: materialize this partition alone, "
    "or `forecast-assets report DATASET --series KEY`."
)


class Budget:
    """A run of few series shows all; others draw while pictures take no more than a share of the rest."""

    def __init__(self, series: int, share: float = SHARE) -> None:
        self._share, self._is_small = share, series <= ALWAYS
        self._start = time.monotonic()
        self._spent = 0.0

    def has_room(self) -> bool:
        """Return whether one more picture may be drawn."""
        if self._is_small:
            return True
        rest = time.monotonic() - self._start - self._spent
        return self._spent <= self._share * rest

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time of what is drawn inside."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._spent += time.monotonic() - start

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
    """The first pictures are always drawn; further ones while all take no more than a share of the rest."""

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._start = time.monotonic()
        self._spent, self._drawn = 0.0, 0

    def has_room(self) -> bool:
        """Return whether one more picture may be drawn."""
        if self._drawn < ALWAYS:
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
            self._drawn += 1

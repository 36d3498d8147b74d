"""How much of a run's time may be spent on pictures that perhaps nobody looks at.

Belongs here: the decision whether one more picture is drawn.
Does not belong here: drawing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

# Share of the time of everything else in the run.
SHARE = 0.2
NOT_DRAWN = (
    "Not drawn, because pictures of all series would slow the run down: materialize this partition alone, "
    "or `forecast-assets report DATASET --series KEY`."
)


class Budget:
    """The first picture is always drawn; further ones while all take no more than a share of the rest."""

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._start = time.monotonic()
        self._spent: float | None = None

    def has_room(self) -> bool:
        """Return whether one more picture may be drawn, if it takes as long as those before it on average."""
        if self._spent is None:
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
            self._spent = (self._spent or 0.0) + time.monotonic() - start

"""How something made of parts ends: completed, partial, failed or cancelled.

Belongs here: the one table that batches and comparisons share.
Does not belong here: counting the parts.
"""

from typing import Literal

Ended = Literal["completed", "partial", "failed", "cancelled"]
TERMINAL = frozenset({"completed", "partial", "failed", "cancelled", "success", "stopped", "error"})


def settled(*, completed: int, failed: int, cancelled: int, empty: Ended) -> Ended:
    """Answer how the whole ended; ``empty`` is what nothing at all amounts to."""
    if completed and not failed and not cancelled:
        return "completed"
    if failed and not completed and not cancelled:
        return "failed"
    if cancelled and not completed and not failed:
        return "cancelled"
    return "partial" if completed or failed else empty

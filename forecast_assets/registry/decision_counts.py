"""A decision about live models in a line: how many series, by what becomes of them.

Belongs here: counting proposals and moves.
Does not belong here: anything that needs Dagster, which a dry run does not.
"""

from collections import Counter
from collections.abc import Sequence

from forecast_assets.registry.promotion import Moved
from forecast_assets.registry.proposals import Proposal, Refused


def diff(proposals: Sequence[Proposal]) -> str:
    """How many series are new, updated, unchanged."""
    counts = Counter(one.change for one in proposals)
    return ", ".join(f"{counts[name]:,} {name}" for name in ("new", "updated", "unchanged"))


def moved_counts(done: Sequence[Moved | Refused]) -> str:
    """How many moves were applied, unchanged, conflicts, refused."""
    counts = Counter("refused" if isinstance(one, Refused) else one.outcome for one in done)
    return ", ".join(f"{counts[name]:,} {name}" for name in ("applied", "unchanged", "conflict", "refused"))


def outcome(done: Sequence[Moved | Refused]) -> str:
    """``completed`` when all was done or needed nothing, ``partial`` when some was, else ``failed``."""
    good = sum(isinstance(one, Moved) and one.outcome != "conflict" for one in done)
    return "completed" if good == len(done) else "partial" if good else "failed"

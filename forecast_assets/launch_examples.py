"""What the Launchpad of a job opens with: an example that can be launched as it stands.

Belongs here: the form of an example, and the word for what is newest.
Does not belong here: which fields a job has (its ``config``), finding out what is newest (``run_storage``).

The word is replaced when a run is stored, so that loading the definitions asks no database, and a dataset
that was added a moment ago needs no reload.
"""

from typing import Any

NEWEST = "(newest)"


def example(*ops: str, **fields: object) -> dict[str, Any]:
    """Return the run configuration in which each of ``ops`` has ``fields``."""
    return {"ops": {op: {"config": fields} for op in ops}}

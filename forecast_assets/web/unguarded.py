"""Web servers of Dagster that run without the guard.

Belongs here: finding them among the processes of this machine.
Does not belong here: what the guard does (``guard``), ending them.
"""

from itertools import pairwise
from pathlib import Path

import psutil

_SERVERS = {"dagster-webserver", "dagster_webserver", "dagit"}


def unguarded_servers(home: Path) -> list[int]:
    """Return the process ids of Dagster's own web servers that serve the instance in ``home``."""
    return sorted(one.pid for one in psutil.process_iter() if _is_bare(one) and _home(one) == home.resolve())


def _is_bare(process: psutil.Process) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    named = [Path(word).name for word in words[:4]]
    return bool({*named} & _SERVERS) or ("dagster", "dev") in pairwise(named)


def _home(process: psutil.Process) -> Path | None:
    try:
        home = process.environ().get("DAGSTER_HOME")
    except psutil.Error:  # another user's process, or one that has just ended
        return None
    return Path(home).resolve() if home else None

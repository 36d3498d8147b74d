"""Which code computed a result?

Belongs here: one hash over the engine's sources, so that results of other code are never taken for current.
Does not belong here: the version of the package.
"""

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path


@lru_cache(maxsize=1)
def code_version() -> str:
    """12 hex characters over the text of every module of ``forecasting``."""
    digest = blake2b(digest_size=6)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()

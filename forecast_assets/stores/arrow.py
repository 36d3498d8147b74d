"""Arrow without pandas, which it would import to look at any list.

Belongs here: keeping it out of processes that need no frame of it.
Does not belong here: reading and writing files (``lake``, ``datasets.sources``).
"""

import sys
from functools import lru_cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec


class _Absent(MetaPathFinder):
    """As if pandas were not installed."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=fullname)
        return None


@lru_cache(maxsize=1)
def leave_pandas_out() -> None:
    """Let Arrow look for pandas once and miss it; what turns tables into frames still imports it.

    It takes a tenth of a second, and an interrupt that arrives in the middle of it is lost.
    """
    import pyarrow as pa  # noqa: PLC0415 - commands that read no file need none of it

    finder = _Absent()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)

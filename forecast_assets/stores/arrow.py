"""Arrow without pandas, which it would import to look at any list.

Belongs here: keeping it out of processes that need no frame of it, how its columns are encoded.
Does not belong here: reading and writing files (``lake``, ``datasets.sources``).
"""

import sys
from functools import lru_cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


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


def of_computed(schema: "pa.Schema") -> dict[str, list[str]]:
    """How columns are encoded: computed floats seldom repeat, and their bytes compress side by side."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    floats = {
        field.name
        for field in schema
        if pa.types.is_fixed_size_list(field.type) and pa.types.is_floating(field.type.value_type)
    }
    leaves = [f"{name}.list.element" for name in schema.names if name in floats]
    return {
        "use_dictionary": [name for name in schema.names if name not in floats],
        "use_byte_stream_split": leaves,
    }

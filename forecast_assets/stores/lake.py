"""The lake: Parquet files on a folder or any fsspec URL.

Belongs here: reading, writing and deleting files, all under one root.
Does not belong here: what the files mean.
"""

import gzip
import io
import os
import re
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores.arrow import of_computed

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from fsspec import AbstractFileSystem

# fsspec would take the first for patterns; the others no storage agrees about.
_UNSAFE = re.compile(r"[*?\[\]\\\x00-\x1f]")
_UNFINISHED = ".part"
_BASE = b"forecast_assets.base"
# Of a row in a change: before which row of the base it belongs; ~row for a row of the base that is gone.
PLACE = "__place"


@dataclass(frozen=True, slots=True)
class Stored:
    """One file: ``path`` below the lake, ``size`` in bytes, when it was written."""

    path: str
    size: int
    written_at: datetime


class Lake:
    """Files below one URL; paths are relative, with ``/``. A file appears whole or not at all."""

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            # Other processes write here as well: a remembered listing would be an old one.
            self._files, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise BadSetting(
                f"FORECAST_LAKE_URL cannot be used: {error}",
                remedy="let it name a folder, or install the fsspec package of its protocol",
            ) from None
        self._root = self._root.rstrip("/")
        self._local = "file" in self._files.protocol

    def _full(self, path: str) -> str:
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts or _UNSAFE.search(path):
            raise ValueError(f"{path!r} leaves the lake")
        return f"{self._root}/{relative}"

    def write_table(
        self, path: str, table: "pa.Table", *, rows_per_group: int | None = None, computed: bool = False
    ) -> None:
        """Write ``table`` as zstd Parquet, a third smaller where lists of floats are ``computed``."""
        import pyarrow.parquet as pq

        sink, encoding = io.BytesIO(), of_computed(table.schema) if computed else {}
        # With checksums a byte that flipped on a disk is found, instead of becoming a number of sales.
        pq.write_table(
            table,
            sink,
            compression="zstd",
            row_group_size=rows_per_group,
            write_page_checksum=True,
            **encoding,
        )
        self.write_bytes(path, sink.getbuffer())

    def write_change(self, path: str, change: "pa.Table", base: str) -> None:
        """Write ``path`` to be read as the file ``base`` with a ``change``, rows with a column ``PLACE``."""
        self.write_table(path, change.replace_schema_metadata({_BASE: base.encode()}))

    def base_of(self, path: str) -> str:
        """The file whose change ``path`` holds; ``path`` itself where it holds all of its rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        metadata = pq.read_metadata(pa.BufferReader(self.read_bytes(path))).metadata or {}
        return bytes(metadata.get(_BASE, path.encode())).decode()

    def write_bytes(self, path: str, content: bytes | memoryview) -> None:
        """Store ``content``; a writer that fails or is killed leaves what was there before."""
        target = self._full(path)
        remedy = "check free space and rights of FORECAST_LAKE_URL, then launch again"
        with self._outage(path, "store", remedy):
            if self._local:
                os.makedirs(self._root, mode=0o700, exist_ok=True)  # noqa: PTH103 - fsspec's paths are text
                _write_whole(target, content)
            else:  # an object appears when it is complete
                self._files.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
                self._files.pipe_file(target, bytes(content))

    def write_text(self, path: str, text: str) -> None:
        """Store ``text`` as ``path``, packed by gzip: the same bytes for the same text."""
        self.write_bytes(path, gzip.compress(text.encode(), compresslevel=1, mtime=0))

    def read_bytes(self, path: str) -> bytes:
        """The whole content of one file. Raises ``Outage`` when it is not there."""
        remedy = "check FORECAST_LAKE_URL; if the file was deleted, build the dataset again with --force"
        full = self._full(path)
        with self._outage(path, "read", remedy):
            content: bytes = self._files.cat_file(full)
        return content

    def read_text(self, path: str) -> str:
        """The text of one file, packed or not. Raises ``Outage`` when it is not there or damaged."""
        content = self.read_bytes(path)
        try:
            return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise _damaged(path, error) from error

    def read_table(
        self,
        path: str,
        *,
        columns: Sequence[str] | None = None,
        keys: tuple[str, Iterable[str]] | None = None,
    ) -> "pa.Table":
        """Read one Parquet file; ``keys`` = (column, wanted values) skips row groups without any of them.

        Raises ``Outage`` when it is not there or is no Parquet file.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = pa.BufferReader(self.read_bytes(path))
        try:
            file = pq.ParquetFile(content, page_checksum_verification=True)
            base = (file.metadata.metadata or {}).get(_BASE)
            if base is None:
                return file.read(columns=columns) if keys is None else _with_keys(file, columns, *keys)
            change = file.read(columns=columns and [*columns, PLACE])
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(path, error) from error
        if keys is not None:
            raise ValueError(f"{path} is the change of another file, which is read as a whole")
        return _changed(self.read_table(base.decode(), columns=columns), change)

    def list(self, path: str) -> list[str]:
        """Relative paths of the files below ``path`` (or of all), sorted; none without such a folder."""
        names = self._entries(path)
        return sorted(name for name in names if not name.endswith(_UNFINISHED))

    def files(self, path: str) -> Sequence[Stored]:
        """The files below ``path`` (or all), as ``list`` does, with size and age; also unfinished ones."""
        return [
            Stored(name, int(details["size"]), _moment(details))
            for name, details in sorted(self._entries(path).items())
        ]

    def _entries(self, path: str) -> dict[str, Mapping[str, Any]]:
        """What the storage says of every file below ``path``. Raises ``Outage`` where it may not look."""
        full = self._full(path) if path else self._root
        with self._outage(path or "its files", "list", "check FORECAST_LAKE_URL and its rights"):
            found = dict(walked(self._files, full)) if self._local else self._files.find(full, detail=True)
        skip = len(self._root) + 1
        return {name[skip:]: details for name, details in found.items()}

    def delete(self, path: str) -> None:
        """Remove a file or a folder with all below it; what is not there is fine."""
        full = self._full(path)
        with (
            self._outage(path, "delete", "check the rights of FORECAST_LAKE_URL"),
            suppress(FileNotFoundError),
        ):
            if self._files.exists(full):
                self._files.rm(full, recursive=True)

    def remove_unfinished(self) -> None:
        """Remove what killed writers left; nobody else may be writing."""
        for one in self.files(""):
            if one.path.endswith(_UNFINISHED):
                self.delete(one.path)

    @contextmanager
    def _outage(self, path: str, verb: str, remedy: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Outage(f"the lake cannot {verb} {path}: {error}", remedy=remedy) from error
        except Exception as error:
            if self._local:
                raise
            # Every cloud has exceptions of its own for lost connections and refused credentials.
            raise Outage(
                f"the lake cannot {verb} {path}: {type(error).__name__}: {error}", remedy=remedy
            ) from error


def walked(files: "AbstractFileSystem", full: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """As a local `find`, which leaves out a folder that may not be read as if it were empty."""
    waiting = [full]
    while waiting:
        with suppress(FileNotFoundError):  # whoever trims may remove a folder meanwhile
            for one in files.ls(waiting.pop(), detail=True):
                if one["type"] == "directory":
                    waiting.append(one["name"])
                else:
                    yield one["name"], one


def _damaged(path: str, error: Exception) -> Outage:
    return Outage(f"the lake holds a damaged {path}: {error}", remedy="restore it or build with --force")


def _changed(base: "pa.Table", change: "pa.Table") -> "pa.Table":
    """Rows of ``base`` without those that are gone and with those that were added, in their places."""
    import numpy as np
    import pyarrow as pa

    place = change[PLACE].to_numpy()
    added = place >= 0
    is_kept = np.ones(len(base), np.bool_)
    is_kept[~place[~added]] = False
    kept = np.flatnonzero(is_kept)
    rows = np.insert(kept, np.searchsorted(kept, place[added]), len(base) + np.flatnonzero(added))
    both = pa.concat_tables([base, change.drop_columns([PLACE]).select(base.column_names)])
    return both.unify_dictionaries().take(pa.array(rows))


def _moment(details: Mapping[str, Any]) -> datetime:
    """When a file was written, by whichever name its storage has for that; now, where it has none."""
    names = ("mtime", "LastModified", "last_modified", "updated", "modified")
    moment = next((details[name] for name in names if details.get(name) is not None), None)
    if isinstance(moment, datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.now(UTC) if moment is None else datetime.fromtimestamp(float(moment), UTC)


def _write_whole(target: str, content: bytes | memoryview) -> None:
    """Write under a passing name first, one for each writer, and reach the disk before the name is given."""
    folder = target.rsplit("/", 1)[0]
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    staged = f"{target}.{uuid4().hex}{_UNFINISHED}"
    try:
        with open(staged, "xb") as file:  # noqa: PTH123
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, target)  # noqa: PTH105
    except OSError:
        with suppress(OSError):
            os.unlink(staged)  # noqa: PTH108
        raise
    # The database may refer to the file from now on, so its name has to outlive a power cut as well.
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _with_keys(
    file: "pq.ParquetFile", columns: Sequence[str] | None, column: str, values: Iterable[str]
) -> "pa.Table":
    import polars as pl
    import pyarrow as pa
    import pyarrow.compute as pc

    # By polars: pyarrow imports pandas to look at a list, which takes as long as all the rest of a listing.
    keys = sorted(set(values))
    value_set = pl.Series(keys, dtype=pl.String).to_arrow().cast(pa.string())
    # Leaves, not fields: a struct before the column would shift its place.
    place = [file.schema.column(n).path for n in range(len(file.schema))].index(column)
    groups = [
        group
        for group in range(file.num_row_groups)
        if _may_hold(file.metadata.row_group(group).column(place).statistics, keys)
    ]
    needed = None if columns is None else list(dict.fromkeys([*columns, column]))
    table = file.read_row_groups(groups, columns=needed)
    matching = table.filter(pc.is_in(table[column].cast(pa.string()), value_set=value_set))
    return matching if columns is None else matching.select(list(columns))


def _may_hold(statistics: "pq.Statistics | None", keys: Sequence[str]) -> bool:
    """Whether one of the sorted ``keys`` may be in a row group."""
    if statistics is None or not statistics.has_min_max:
        return True
    return bisect_left(keys, statistics.min) < bisect_right(keys, statistics.max)

"""Finding and opening the files of a source: the only place where a path or URL of sales is opened.

Belongs here: folders, globs, URLs of any fsspec file system, compression, which files are left out.
Does not belong here: what is in a file (``csv_files`` and its neighbours).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from forecast_assets.datasets.sources import reach
from forecast_assets.errors import BadSales, BadSetting, Outage, listed
from forecast_assets.stores.lake import walked

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "sheet",
    ".xlsm": "sheet",
    ".xlsb": "sheet",
    ".xls": "sheet",
    ".ods": "sheet",
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "lines",
}
_XZ = "xz"
_CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": _XZ}
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar", ".zip")
# What lies beside a folder's data: notes of people and marks of programs.
_NOTES = {"", ".txt", ".md", ".pdf", ".html", ".log", ".sql", ".py"}
_NO_DATA = _NOTES | {".crc", ".ok", ".done", ".tmp", ".part"}
_GLOB = re.compile(r"[*?\[]")
_URL = re.compile(r"^[\w+.-]{2,}://|^[\w+.-]+::")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source. ``name`` is its path below the source, ``folders`` are columns by name.

    ``appended`` makes a text file one of its first lines, as bytes, and of what stands behind a position.
    """

    name: str
    path: str
    system: "AbstractFileSystem"
    kind: str
    codec: str | None
    folders: tuple[tuple[str, str | None], ...] = ()
    appended: tuple[bytes, int] | None = None

    def raw(self) -> "pa.NativeFile":
        """The bytes as they are stored."""
        import pyarrow as pa

        from forecast_assets.datasets.sources import archives

        if "file" in _protocols(self.system):
            return pa.OSFile(self.path)
        with outage(self.name):
            stream = self.system.open(self.path, "rb")
        is_member = "zip" in _protocols(self.system)
        return archives.unpacked(stream, self.name) if is_member else pa.PythonFile(stream, mode="r")

    def stream(self) -> "pa.NativeFile":
        """The bytes as they are meant: uncompressed."""
        import pyarrow as pa

        from forecast_assets.datasets.sources import archives

        raw = self.raw()
        if self.appended is not None:
            head, begin = self.appended
            with outage(self.name), raw:
                raw.seek(begin)
                return pa.BufferReader(head + raw.read())
        if self.codec == _XZ:
            return archives.unpacked_xz(raw, self.name)
        return raw if self.codec is None else pa.CompressedInputStream(raw, self.codec)

    @property
    def is_packed(self) -> bool:
        """Whether the file takes more bytes than are stored of it."""
        return self.codec is not None or "zip" in _protocols(self.system)

    def size(self) -> int:
        """Bytes as they are stored."""
        with outage(self.name):
            return int(self.system.size(self.path) or 0)

    def modified(self) -> float:
        """When the file was written, in seconds; 0 where its storage does not know."""
        with outage(self.name):
            try:
                return float(self.system.modified(self.path).timestamp())
            except NotImplementedError:
                return 0.0


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a source in natural order of their names, and the names of those that are not read."""

    files: tuple[SourceFile, ...]
    left_out: tuple[str, ...]


class outage:  # noqa: N801 - reads as a statement
    """Raise ``Outage`` for what a remote file system raises; each has exceptions of its own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Translate."""
        if not isinstance(error, Exception) or isinstance(error, (Outage, BadSales, BadSetting)):
            return
        raise Outage(
            f"{self._name} cannot be opened: {type(error).__name__}: {error}",
            remedy="check that the storage answers, and its credentials in the environment",
        ) from error


def is_url(path: str) -> bool:
    """Whether ``path`` names a file system, as s3://bucket/folder does."""
    return _URL.match(path) is not None


def check_url(path: str) -> None:
    """Raise ``BadSetting`` for a URL with a secret, or of a file system that is not installed."""
    if not is_url(path):
        return
    reach.check_url(path)
    _system(path)


def find(path: str) -> Files:
    """List the files of a path, folder, glob or URL.

    Raises ``BadSetting`` when there is none, when a folder holds files that nobody could read, or two kinds.
    """
    if is_url(path):
        reach.check_url(path)
    system, root = _system(path)
    if "file" in _protocols(system):
        reach.check_files([root.partition("*")[0]])
    with outage(path):
        if (pattern := _GLOB.search(root)) and not system.exists(root):
            names = [name for name in system.glob(root) if not system.isdir(name)]
            stem = root[: pattern.start()].rpartition("/")[0]
            return _sorted_out(path, system, stem, names, explicit=True)
        if system.isdir(root):
            inside = dict(walked(system, root)) if "file" in _protocols(system) else system.find(root)
            return _sorted_out(path, system, root, sorted(inside), explicit=False)
        if not system.exists(root):
            where = (
                "bucket and name, and that the credentials of the environment may see them"
                if is_url(path)
                else "the path; a relative one starts at the folder the program was started in"
            )
            raise BadSetting(
                f"there is no file or folder {path if is_url(path) else root!r}", remedy=f"check {where}"
            )
    return _sorted_out(path, system, root.rpartition("/")[0], [root], explicit=True)


def _protocols(system: "AbstractFileSystem") -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


def _system(path: str) -> "tuple[AbstractFileSystem, str]":
    import fsspec

    if not is_url(path):  # what nobody judged as a URL is opened as none
        root = Path(path.removeprefix("file:").removeprefix("local:")).expanduser().absolute()
        return fsspec.filesystem("file", use_listings_cache=False), root.as_posix()
    web = [name for name in ("http", "https") if f"{name}://" in path]  # anywhere in a chain
    careful = {name: {"get_client": reach.careful_client} for name in web}
    with outage(path):
        try:
            system, root = fsspec.core.url_to_fs(path, use_listings_cache=False, **careful)
        except (ValueError, ImportError) as error:
            raise BadSetting(
                f"{path.partition('://')[0]}:// cannot be read: {error}",
                remedy="install the fsspec package of this storage, such as s3fs or gcsfs",
            ) from None
    return system, str(root).rstrip("/") or "/"


def _sorted_out(
    path: str, system: "AbstractFileSystem", root: str, names: Sequence[str], *, explicit: bool
) -> Files:
    files, left_out, unreadable = [], [], []
    if is_local := "file" in _protocols(system):
        _check_local(path, root, [full for full in names if full.lower().endswith(".zip")])
    for place, full, name in _members(system, root, names):
        steps = PurePosixPath(name).parts
        is_named = explicit and place is system
        if "_delta_log" in steps:
            raise BadSetting(
                f"{path} is a Delta table: its folder also holds files that are no longer part of it",
                remedy="export the table as Parquet, or ask for it through --sql-url",
            )
        kind, codec = _kind(name)
        hidden = not is_named and any(step.startswith((".", "_")) for step in steps)
        if kind is None and is_named and PurePosixPath(name).suffix.lower() == ".txt":
            kind = "csv"
        if hidden or (kind is None and not is_named and PurePosixPath(name).suffix.lower() in _NO_DATA):
            left_out.append(name)
        elif kind is None:
            unreadable.append(name)
        else:
            files.append(SourceFile(name, full, place, kind, codec, tuple(_hive(steps))))
    if is_local:
        _check_local(path, root, [file.path for file in files if file.system is system])
    _refuse_others(path, files, unreadable, left_out)
    return Files(tuple(sorted(files, key=lambda file: natural(file.name))), tuple(sorted(left_out)))


def _check_local(path: str, root: str, names: Sequence[str]) -> None:
    """Raise ``BadSetting`` for files that may not be read, and for pipes: who opens one waits for ever."""
    reach.check_files(names)
    if pipes := [name.removeprefix(root).lstrip("/") for name in names if not Path(name).is_file()]:
        raise BadSetting(f"{path}: {listed(pipes)} is no file", remedy="put files there, no pipes or devices")


def _members(
    system: "AbstractFileSystem", root: str, names: Sequence[str]
) -> "Iterator[tuple[AbstractFileSystem, str, str]]":
    """Yield system, path and name of every file, and of those inside of zip archives."""
    from forecast_assets.datasets.sources import archives

    for full in names:
        name = full[len(root) :].lstrip("/")
        if not name.lower().endswith(".zip"):
            yield system, full, name
            continue
        archive = archives.opened(system, full, name)
        yield from ((archive, member, f"{name}/{member}") for member in archive.find(""))


def _refuse_others(
    path: str, files: Sequence[SourceFile], unreadable: Sequence[str], left_out: Sequence[str]
) -> None:
    readable = ".csv, .tsv, .parquet, .xlsx, .json or .jsonl (text also as .gz, .zst, .bz2, .xz; all as .zip)"
    if unreadable:
        alone = len(unreadable) == 1 and path.endswith(unreadable[0])
        pattern = "" if alone else f", or name the files to read with a pattern, as '{path}/*.csv'"
        packed = any(name.lower().endswith(_ARCHIVES) for name in unreadable)
        unpack = "unpack archives into a folder, and " if packed else ""
        raise BadSetting(
            f"{path}: {listed(sorted(unreadable))} cannot be read",
            remedy=f"{unpack}convert to {readable}{pattern}",
        )
    if not files:
        beside = f"; left out: {listed(sorted(left_out))}" if left_out else ""
        raise BadSetting(f"{path} holds no file to read{beside}", remedy=f"give files ending in {readable}")
    kinds = {file.kind: file.name for file in files}
    if len(kinds) > 1:
        raise BadSetting(
            f"{path} mixes kinds of files: {listed([repr(name) for name in kinds.values()])}",
            remedy=f"the same sales may be there twice: name one kind with a pattern, as '{path}/*.csv'",
        )


def _kind(name: str) -> tuple[str | None, str | None]:
    suffixes = PurePosixPath(name.lower()).suffixes
    codec = _CODECS.get(suffixes[-1]) if suffixes else None
    ending = suffixes[-2:-1] if codec else suffixes[-1:]
    kind = KINDS.get(ending[0]) if ending else None
    # Parquet compresses its own pages, a spreadsheet is a zip already.
    return (None, None) if codec and kind not in {"csv", "lines"} else (kind, codec)


def _hive(steps: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    for step in steps[:-1]:
        column, equals, value = step.partition("=")
        if equals and column:
            yield column, None if value == _NO_VALUE else unquote(value)


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key in which ``part-10`` comes after ``part-9``."""
    return [(int(piece) if piece.isdigit() else -1, piece) for piece in re.split(r"([0-9]+)", name) if piece]

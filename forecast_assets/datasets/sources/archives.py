"""Archives that Arrow cannot unpack: zip, whose members are files of a source, and xz.

Belongs here: their bytes and members; what is refused because it is damaged or locked.
Does not belong here: which files are read (``opening``), how much memory they may take (``limits``).
"""

import io
import lzma
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

import pyarrow as pa
from fsspec import AbstractFileSystem
from fsspec.implementations.zip import ZipFileSystem

from forecast_assets.errors import BadSales

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BROKEN = (lzma.LZMAError, zipfile.BadZipFile, zlib.error, EOFError)
_ENCRYPTED = 1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}


class _Unpacked(io.RawIOBase):
    """The bytes of an archive, unpacked; damage of any kind is ``BadSales``."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        super().__init__()
        self._stream, self._name = stream, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        room = memoryview(buffer)
        try:
            read = self._stream.read(len(room))
        except _BROKEN as error:
            raise _damaged(self._name, error) from None
        room[: len(read)] = read
        return len(read)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


def unpacked(stream: IO[bytes], name: str) -> pa.NativeFile:
    """Return the bytes of an unpacked ``stream``. Reading raises ``BadSales`` naming a damaged file."""
    return pa.PythonFile(io.BufferedReader(_Unpacked(stream, name)), mode="r")


def unpacked_xz(raw: pa.NativeFile, name: str) -> pa.NativeFile:
    """Return the bytes inside an .xz file."""
    return unpacked(lzma.LZMAFile(raw), name)


def opened(system: AbstractFileSystem, path: str, name: str) -> ZipFileSystem:
    """Open a zip archive as a file system of its members.

    Raises ``BadSales`` for one that is damaged, encrypted or packed in a way that Python does not know.
    """
    try:
        archive = ZipFileSystem(fo=system.open(path, "rb"))
    except _BROKEN as error:
        raise _damaged(name, error) from None
    for member in archive.zip.infolist():
        if member.flag_bits & _ENCRYPTED:
            raise BadSales(f"{name}: {member.filename} has a password", remedy="pack it without a password")
        if member.compress_type not in _METHODS:
            raise BadSales(
                f"{name}: {member.filename} is packed by a method that is not known here",
                remedy="pack it as an ordinary zip (deflate), or as .gz or .zst",
            )
    return archive


def _damaged(name: str, error: Exception) -> BadSales:
    return BadSales(
        f"{name} cannot be unpacked: {str(error).splitlines()[0] if str(error) else 'it ends too early'}",
        remedy="the file is damaged or cut off: copy it again",
    )

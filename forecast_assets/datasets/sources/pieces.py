"""Pieces of files that can be proven to be what they were: files, row groups, text that grew at its end.

Belongs here: digests of bytes, and cutting a file into pieces.
Does not belong here: reading rows (``files``), what is done with equal pieces (``datasets.patching``).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b

import pyarrow as pa
import pyarrow.parquet as pq

from forecast_assets.datasets.sources.base import Piece
from forecast_assets.datasets.sources.opening import SourceFile, outage

_CHUNK = 2**20
_DIGEST_BYTES = 16
_LONGEST_HEAD = 2**16


def whole(file: SourceFile) -> Piece:
    """Return the piece that is all of a file."""
    with outage(file.name), file.raw() as stream:
        digest, _, _ = _hashed(stream, None)
    return Piece(file.name, digest)


def row_groups(file: SourceFile, metadata: pq.FileMetaData, columns: Sequence[str]) -> list[Piece]:
    """Return one piece per row group of a Parquet file: the bytes of ``columns`` and how they are encoded."""
    schema = metadata.schema.to_arrow_schema()
    types = ",".join(str(field) for field in schema if field.name in columns)
    pieces = []
    with outage(file.name), file.raw() as stream:
        for index in range(metadata.num_row_groups):
            group = metadata.row_group(index)
            parts = [types, str(group.num_rows)]
            for chunk in map(group.column, range(group.num_columns)):
                if chunk.path_in_schema.partition(".")[0] not in columns:
                    continue
                dictionary, data = chunk.dictionary_page_offset, chunk.data_page_offset
                stream.seek(max(0, data if dictionary is None else min(dictionary, data)))
                digest, size, _ = _hashed(stream, chunk.total_compressed_size)
                parts += [chunk.path_in_schema, chunk.compression, str(chunk.encodings), str(size), digest]
            digest = blake2b("\0".join(parts).encode(), digest_size=_DIGEST_BYTES).hexdigest()
            pieces.append(Piece(file.name, digest, index))
    return pieces


def grown(
    file: SourceFile, before: Collection[Piece], header_row: int, quote: str
) -> Iterator[tuple[Piece, SourceFile]]:
    """Yield the pieces of a text file, each with the file that holds its rows alone.

    Where all pieces of ``before`` are still there, only what was appended to them is a new one.
    """
    earlier = sorted((one for one in before if one.file == file.name), key=lambda one: one.begin)
    ends = [one.end for one in earlier]
    with outage(file.name), file.raw() as stream:
        head = _head(stream, header_row, quote.encode())
        stream.seek(0)
        if earlier and head and all(ends) and [one.begin for one in earlier] == [0, *ends[:-1]]:
            if all(_hashed(stream, one.end - one.begin)[0] == one.digest for one in earlier):
                yield from ((one, file) for one in earlier)
                digest, size, is_closed = _hashed(stream, None)
                if size:
                    end = ends[-1] + size if is_closed else 0
                    yield Piece(file.name, digest, ends[-1], end), replace(file, appended=(head, ends[-1]))
                return
            stream.seek(0)
        digest, size, is_closed = _hashed(stream, None)
    yield Piece(file.name, digest, 0, size if head and is_closed else 0), file


def _hashed(stream: pa.NativeFile, size: int | None) -> tuple[str, int, bool]:
    """Return the digest of the next ``size`` bytes, or all, how many there are, and whether a line ends."""
    content, read, last = blake2b(digest_size=_DIGEST_BYTES), 0, b""
    while chunk := stream.read(_CHUNK if size is None else min(_CHUNK, size - read)):
        content.update(chunk)
        read, last = read + len(chunk), chunk
    return content.hexdigest(), read, last.endswith(b"\n")


def _head(stream: pa.NativeFile, lines: int, quote: bytes) -> bytes | None:
    """Return the first lines as bytes; ``None`` where it is not plain where they end."""
    cells = stream.read(_LONGEST_HEAD).split(b"\n", lines)
    head = b"".join(line + b"\n" for line in cells[:lines])
    is_plain = len(cells) > lines and all(line.count(quote) % 2 == 0 for line in cells[:lines])
    return head if is_plain else None

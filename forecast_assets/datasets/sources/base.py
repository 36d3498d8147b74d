"""What every source of sales can do, and the pieces it is read in.

Belongs here: the protocol that loading, watching and adding rely on.
Does not belong here: any one kind of source; each is a module of its own beside this one.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:  # a listing reads no sales
    import pyarrow as pa

    from forecast_assets.stores.lake import Lake


class Origin(Protocol):
    """A text file whose rows are lines."""

    @property
    def name(self) -> str:
        """How messages call the file."""

    def lines(self, records: Iterable[int]) -> Mapping[int, int]:
        """Return the line on which each record (0 = first after the header) starts."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file that hold the same rows as long as their ``digest`` is the same.

    ``begin`` and ``end`` cut a text file into what was there before and what was appended; ``end`` is 0 where
    nothing can be appended to the piece.
    """

    file: str
    digest: str
    begin: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a source that fits into memory.

    ``read`` returns the named columns of all its rows. ``origin`` is the text file its rows are lines of;
    elsewhere rows have no number that would help anybody. ``file`` names where the rows come from, and a
    file of a higher ``age`` is newer. ``piece`` is what the rows are stored in, where that is known.
    ``left_out`` counts notes below the rows that were asked to be left out.
    """

    read: Callable[[Sequence[str]], "pa.Table"]
    origin: Origin | None = None
    file: str = ""
    age: int = 0
    piece: Piece | None = None
    left_out: int = 0


class Strict(BaseModel):
    """A frozen model that refuses unknown fields and never repeats its input in an error."""

    # An input shown in an error could be a URL with a password.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SourceBase(Strict):
    """A source of sales: what its columns mean, whether it has changed, and its rows.

    A new kind of source is one subclass, listed in the union ``Source``. It has a ``kind`` of its own and
    ``columns``; ``map_ids``, ``rows``, ``dialect``, ``date_format`` and ``first_day`` are fields, or those of
    a ``PlainSource``, as which a source of typed rows begins.
    """

    @property
    def name(self) -> str:
        """How messages call this source."""
        raise NotImplementedError

    def fingerprint(self) -> str | None:
        """Hash of the settings and of all content; ``None`` where only reading everything could tell."""
        raise NotImplementedError

    def mark(self) -> str:
        """Text that changes when the content does, as cheaply as the source allows."""
        return self.fingerprint() or ""

    def parts(self) -> Iterator[Part]:
        """Open the source; every part has the needed columns.

        Raises ``BadSales``, ``BadSetting`` or ``Outage``.
        """
        raise NotImplementedError

    def pieces(self, before: Collection[Piece] = ()) -> Mapping[Piece, Callable[[], Iterable[Part]]]:  # noqa: ARG002 - most have none
        """Return the pieces of the source in order, each with what opens it; none where there are no bytes.

        ``before`` are pieces of an earlier reading: files that grew are cut where they ended then.
        """
        return {}

    def warning(self) -> str | None:
        """Say what an operator should mend about the source although it can be read; ``None`` if nothing."""
        return None

    def companions(self, lake: "Lake", sales_path: str) -> dict[str, object]:  # noqa: ARG002 - most have none
        """Write what belongs beside the sales below ``sales_path``; return what the snapshot says of it."""
        return {}

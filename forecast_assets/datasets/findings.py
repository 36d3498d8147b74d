"""What is wrong with a source, in one message.

Belongs here: collecting offenders, and saying where they are.
Does not belong here: deciding what is wrong (``rules``).
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from forecast_assets.datasets.ids import MISSING, Ids
from forecast_assets.datasets.sources.base import Origin
from forecast_assets.errors import SHOWN_OFFENDERS, BadSales, listed

AT = "\0at"
AGE = "\0age"
_SHOWN_CHARACTERS = 40


@dataclass(slots=True)
class _Total:
    remedy: str
    total: int = 0
    first: list[str] = field(default_factory=list)


class Findings:
    """Offenders of the whole source, grouped by what is wrong with them."""

    def __init__(self) -> None:
        self._totals: dict[str, _Total] = {}

    def __bool__(self) -> bool:
        return bool(self._totals)

    def add(self, what: str, remedy: str, offenders: Iterable[str], total: int) -> None:
        """Name the first of ``total`` offenders."""
        entry = self._totals.setdefault(what, _Total(remedy))
        entry.total += total
        entry.first += list(offenders)[: SHOWN_OFFENDERS - len(entry.first)]

    def room(self, what: str) -> int:
        """How many offenders still need a name."""
        return SHOWN_OFFENDERS - (len(self._totals[what].first) if what in self._totals else 0)

    def error(self, name: str) -> BadSales:
        """Tell everything that was found in source ``name``."""
        sentences = "; ".join(
            f"{what}: {listed(total.first, total.total)}" for what, total in self._totals.items()
        )
        remedies = dict.fromkeys(part for total in self._totals.values() for part in total.remedy.split("; "))
        return BadSales(f"{name}: {sentences}", remedy="; ".join(remedies))


class Places:
    """Where rows are: on a line of a text file, else under a key.

    Column ``AT`` of a frame numbers the rows of all text files of a source, one file after the other.
    """

    def __init__(self, stores: Ids, products: Ids) -> None:
        self._stores, self._products = stores, products
        self._files: list[Origin] = []
        self._starts: list[int] = []
        self._rows = 0

    def enter(self, file: Origin, rows: int) -> int:
        """Number the rows of the next text file; return the first number."""
        self._files.append(file)
        self._starts.append(self._rows)
        self._rows += rows
        return self._starts[-1]

    def of(self, frame: pl.DataFrame, rows: Sequence[int]) -> list[str]:
        """Say where rows are as well as the source allows."""
        if AT in frame.columns:
            return self.lines([frame[AT][row] for row in rows])
        return self.keys(frame, rows)

    def lines(self, numbers: Sequence[int]) -> list[str]:
        """Name the lines of numbered rows."""
        files = [bisect_right(self._starts, number) - 1 for number in numbers]
        records = [number - self._starts[file] for number, file in zip(numbers, files, strict=True)]
        where = list(zip(files, records, strict=True))
        line_numbers = {
            file: self._files[file].lines([record for other, record in where if other == file])
            for file in set(files)
        }
        several = len(self._files) > 1
        return [
            f"line {line_numbers[file][record]}" + (f" of {self._files[file].name}" if several else "")
            for file, record in where
        ]

    def keys(self, frame: pl.DataFrame, rows: Sequence[int]) -> list[str]:
        """Name the store, product and day of rows, as far as they are known."""
        names = []
        for row in rows:
            store, product = frame["store_id"][row], frame["product_id"][row]
            day = frame["date"][row] if "date" in frame.columns else None
            words = (
                quoted(self._stores.texts[store]) if store != MISSING else "no store",
                quoted(self._products.texts[product]) if product != MISSING else "no product",
                *((str(day),) if day is not None else ()),
            )
            names.append(" / ".join(word.strip("'") for word in words))
        return names


class Points:
    """Cells such as 1.234, thousands or decimals, until another cell proves the point decimal.

    ``is_doubted`` says whether there was any, settled or not.
    """

    def __init__(self) -> None:
        self._doubted: dict[str, tuple[list[str], int]] = {}
        self._settled = 0
        self.is_doubted = False

    def room(self, column: str) -> int:
        """How many cells of a column still need a name."""
        return SHOWN_OFFENDERS - len(self._doubted[column][0]) if column in self._doubted else SHOWN_OFFENDERS

    def add(self, column: str, named: Sequence[str], total: int, settled: int) -> None:
        """Add doubted cells, and the number of cells whose point is surely decimal."""
        before, count = self._doubted.get(column, ([], 0))
        self._doubted[column] = [*before, *named], count + total
        self._settled += settled
        self.is_doubted |= total > 0

    def doubtful(self) -> dict[str, tuple[list[str], int]]:
        """The doubted cells of each column and their number; none where anything proves the point decimal."""
        return {} if self._settled else {name: kept for name, kept in self._doubted.items() if kept[1]}


def quoted(value: object) -> str:
    """Show a value on one line, whatever it holds."""
    if not isinstance(value, str):
        return str(value)
    return repr(value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "...")

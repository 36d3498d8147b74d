"""The panel: all series of a dataset as one dense matrix over one calendar.

Belongs here: the matrix with the tables beside it, cutting it, and telling whether a series changed.
Does not belong here: where sales come from, how missing days became 0 or NaN, how a panel is stored.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Dates
from forecast_assets.forecasting.core.frequency import DAY, Frequency
from forecast_assets.forecasting.core.plans import Role, role_of

# Texts of mapped ids name single series: they are told to people and never learned from.
ORIGINAL_IDS = ("original_store_id", "original_product_id")
_DIGEST_BYTES = 16
# Bounds the memory of a scan over all days.
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Units of n series per period over one calendar, with what is known about them.

    ``series``: (n,) full series keys, sorted, no repeats. ``start``: the first day of the
    period at position 0. ``frequency``: how long a period is; where "days" are counted, periods are meant.
    ``units``: (n, days) float32 units sold; NaN = not observed (before launch, after the last observed
    day, closed, stocked out). ``known``: float32 columns known ahead, each (n, days + future days), all
    equally wide; NaN = unknown. ``static``: text columns, each (n,). ``roles`` of known columns say what a
    missing value means; ``reach`` how many days after any origin their plan is known, without a limit where
    it does not say.
    Raises ``ValueError`` when these do not fit together.
    """

    series: NDArray[np.str_]
    start: dt.date
    units: NDArray[np.float32]
    known: Mapping[str, NDArray[np.float32]]
    static: Mapping[str, NDArray[np.str_]]
    roles: Mapping[str, Role] = field(default_factory=dict)
    reach: Mapping[str, int] = field(default_factory=dict)
    frequency: Frequency = DAY
    _digests: dict[bool, list[str]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.series.ndim != 1 or self.series.dtype.kind != "U":
            raise ValueError(f"series must be one column of text, not {_layout_of(self.series)}")
        unsorted = np.flatnonzero(self.series[1:] <= self.series[:-1])
        if unsorted.size:
            early, late = self.series[unsorted[0]], self.series[unsorted[0] + 1]
            raise ValueError(f"series must be sorted and distinct: {late!r} follows {early!r}")
        self._check_matrix("units", self.units)
        for name, column in self.known.items():
            self._check_matrix(f"known column {name!r}", column)
            if column.shape[1] < self.days:
                raise ValueError(f"known column {name!r} has {column.shape[1]} days, units have {self.days}")
        widths = {name: column.shape[1] for name, column in self.known.items()}
        if len(set(widths.values())) > 1:
            raise ValueError(f"known columns must be equally long: {widths}")
        for name, text in self.static.items():
            if text.shape != self.series.shape or text.dtype.kind != "U":
                raise ValueError(
                    f"static column {name!r} must be {self.series.size} texts, not {_layout_of(text)}"
                )

    def _check_matrix(self, name: str, matrix: NDArray[np.float32]) -> None:
        if matrix.ndim != 2 or matrix.shape[0] != self.series.size:  # noqa: PLR2004 - series x days
            raise ValueError(f"{name} must be ({self.series.size}, days), not {_layout_of(matrix)}")
        if matrix.dtype != np.float32:
            raise ValueError(f"{name} must be float32, not {matrix.dtype}")

    def dates(self, begin: int, end: int) -> Dates:
        """Return the first days (end - begin,) of the periods at ``[begin, end)``."""
        return self.frequency.dates(self.start, begin, end)

    def date(self, position: int) -> dt.date:
        """Return the first day of the period at ``position``."""
        return self.frequency.date(self.start, position)

    def position(self, day: dt.date) -> int:
        """Return the position of the period that holds ``day``; it may lie outside of the calendar."""
        return self.frequency.position(self.start, day)

    @property
    def days(self) -> int:
        """Number of calendar days the units cover."""
        return int(self.units.shape[1])

    @property
    def future_days(self) -> int:
        """Number of days the known columns reach beyond the units."""
        return max((column.shape[1] - self.days for column in self.known.values()), default=0)

    @property
    def first(self) -> NDArray[np.int64]:
        """Position of the first observed day of each series (n,); ``days`` when nothing was observed."""
        answer = np.full(self.series.size, self.days, np.int64)
        for rows, observed in self._observed():
            answer[rows] = np.where(observed.any(axis=1), observed.argmax(axis=1), self.days)
        return answer

    @property
    def last(self) -> NDArray[np.int64]:
        """Position of the last observed day of each series (n,); -1 when nothing was observed."""
        answer = np.full(self.series.size, -1, np.int64)
        for rows, observed in self._observed():
            newest = self.days - 1 - observed[:, ::-1].argmax(axis=1)
            answer[rows] = np.where(observed.any(axis=1), newest, -1)
        return answer

    def _observed(self) -> Iterator[tuple[slice, NDArray[np.bool_]]]:
        if not self.days:
            return
        for begin in range(0, self.series.size, _ROWS_AT_ONCE):
            rows = slice(begin, begin + _ROWS_AT_ONCE)
            yield rows, ~np.isnan(self.units[rows])

    def role(self, name: str) -> Role:
        """What the known column ``name`` is."""
        return role_of(name, self.roles)

    def take(self, rows: NDArray[np.int64]) -> "Panel":
        """Return the panel of some series; ``rows`` are their positions, rising."""
        return replace(
            self,
            series=self.series[rows],
            units=self.units[rows],
            known={name: column[rows] for name, column in self.known.items()},
            static={name: text[rows] for name, text in self.static.items()},
        )

    def until(self, days: int) -> "Panel":
        """Return the panel as it stood after ``days`` days; what is known ahead stays known."""
        if not 0 <= days <= self.days:
            raise ValueError(f"cannot cut {self.days} days after {days}")
        return replace(self, units=self.units[:, :days])

    def newest(self, days: int) -> NDArray[np.float32]:
        """Return the units (n, days) of the newest days, NaN before the panel begins."""
        kept = self.units[:, max(0, self.days - days) :]
        return np.pad(kept, ((0, 0), (days - kept.shape[1], 0)), constant_values=np.nan)

    def content_hashes(self, *, with_future: bool = True) -> list[str]:
        """Return one hexadecimal digest per series; it changes exactly when the content of the series does.

        Days before the first and after the last observed one do not count, so a longer calendar keeps
        the digest. Known columns count from the first observed day; with ``with_future=False`` only as far
        as the units' calendar reaches. The key of the series does not count. -0 is 0, every NaN is the same.
        """
        if with_future not in self._digests:
            self._digests[with_future] = self._hashed(with_future=with_future)
        return list(self._digests[with_future])

    def _hashed(self, *, with_future: bool) -> list[str]:
        first = self.first
        reach = self.days + (self.future_days if with_future else 0)
        digests = [hashlib.blake2b(digest_size=_DIGEST_BYTES) for _ in first]
        rows = np.flatnonzero(first < self.days)
        days = np.datetime_as_string(self.dates(0, self.days)[first[rows]]).tolist()
        for row, day in zip(rows.tolist(), days, strict=True):
            digests[row].update(day.encode())
        # Nothing that is known of a series without sales has a day to be counted from.
        begin = np.where(first < self.days, first, reach)
        _feed_rows(digests, "units", self.units, begin)
        for name in sorted(self.known):
            _feed_rows(digests, name, self.known[name][:, :reach], begin)
        for name in sorted(self.static):
            for digest, text in zip(digests, self.static[name].tolist(), strict=True):
                _feed(digest, name, text.encode())
        return [digest.hexdigest() for digest in digests]


def _feed_rows(
    digests: Sequence["hashlib.blake2b"],
    name: str,
    matrix: NDArray[np.float32],
    begin: NDArray[np.int64],
) -> None:
    """Add each row of ``matrix`` from ``begin`` to its last known day, equal bytes for equal values."""
    for start in range(0, len(digests), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        unknown = np.isnan(matrix[rows])
        plain = np.where(unknown, np.float32(np.nan), matrix[rows] + np.float32(0))
        end = matrix.shape[1] - np.argmin(np.pad(unknown[:, ::-1], [(0, 0), (0, 1)]), axis=1)
        for digest, values, low, high in zip(digests[rows], plain, begin[rows], end, strict=True):
            _feed(digest, name, values[low : max(low, high)].data)


def _feed(digest: "hashlib.blake2b", name: str, content: bytes | memoryview) -> None:
    """Add a named part; the lengths keep neighbouring parts apart."""
    label = name.encode()
    digest.update(f"{len(label)}:{len(content)}:".encode() + label)
    digest.update(content)


def _layout_of(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {array.shape}"

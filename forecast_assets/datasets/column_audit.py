"""Are the columns of a dataset plans, or do they tell what was sold?

Belongs here: measuring columns against the units while sales are read, what is refused, what people are told.
Does not belong here: what a missing value becomes (``forecasting.core.plans``), rules for single values.

A column that is known ahead may help a forecast only with what was known ahead. Columns of sales extracts
often hold the answer: prices that are there on sold days only, counts of units, marks made afterwards.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.sources import Columns
from forecast_assets.errors import BadSales
from forecast_assets.forecasting.core.arrays import Ints, Values
from forecast_assets.forecasting.core.plans import MEANING, Role

# Of a larger store every second series, or third, tells as much.
_ROWS = 250_000
# Fewer days than this prove nothing.
_FEWEST = 50
_MISSING_ON_ZEROS = 0.2
_SAME = 0.98
_FOLLOWS = 0.9
_DENIED_BY_CLOSED, _DENIED_BY_STOCKOUT = 0.1, 0.5
_VARIES = 0.01


@dataclass(frozen=True, slots=True)
class ColumnFinding:
    """What speaks against a column: the kind, the ``share`` of days, a sentence, the remedy."""

    column: str
    kind: str
    share: float
    sentence: str
    remedy: str
    is_refused: bool

    def row(self) -> dict[str, object]:
        """The finding as JSON."""
        return asdict(self)


@dataclass(slots=True)
class Marked:
    """Days of a closed or stock-out column against the units as delivered."""

    sold: int = 0
    sold_units: float = 0.0
    zero: int = 0
    all_sold: int = 0
    all_zero: int = 0

    def add(self, units: pl.Series, marked: pl.Series) -> None:
        """Count rows: ``units`` before any mark took them away."""
        sold, zero = (units > 0).fill_null(value=False), (units == 0).fill_null(value=False)
        self.all_sold += int(sold.sum())
        self.all_zero += int(zero.sum())
        self.sold += int((sold & marked).sum())
        self.sold_units += float(units.filter(sold & marked).sum())
        self.zero += int((zero & marked).sum())

    def join(self, other: "Marked") -> None:
        """Add the days of other rows."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class _Rows(NamedTuple):
    """The rows of one store: units, NaN = not observed; was something, or (once begun) nothing sold?"""

    units: Values
    sold: NDArray[np.bool_]
    zero: NDArray[np.bool_]
    heads: Ints
    days: Ints


@dataclass(slots=True)
class _Column:
    """Sums over the rows of one known column, all stores; ``x`` is the column, ``y`` the units."""

    on_sold: int = 0
    on_zero: int = 0
    equal: int = 0
    set_on_sold: int = 0
    set_on_zero: int = 0
    varying: int = 0
    store_days: int = 0
    is_flag: bool = True
    xy: float = 0.0
    xx: float = 0.0
    yy: float = 0.0

    def add(self, values: Values, rows: _Rows) -> None:
        """Add the column's values on the rows of one store, NaN = not delivered."""
        there, judged = ~np.isnan(values), rows.sold | rows.zero
        both = there & judged
        self.on_sold += int((rows.sold & there).sum())
        self.on_zero += int((rows.zero & there).sum())
        self.is_flag &= bool(np.isin(values[there], (0.0, 1.0)).all())
        self.equal += int((rows.sold & (values == rows.units)).sum())
        self.set_on_sold += int((rows.sold & (values > 0)).sum())
        self.set_on_zero += int((rows.zero & (values > 0)).sum())
        parts = (values, rows.units, np.ones(len(values)))
        x, y, count = (np.add.reduceat(np.where(both, part, 0.0), rows.heads) for part in parts)
        products = (values * rows.units, values * values, rows.units * rows.units)
        xy, xx, yy = (np.add.reduceat(np.where(both, part, 0.0), rows.heads) for part in products)
        count = np.maximum(count, 1)
        self.xy += float((xy - x * y / count).sum())
        self.xx += float((xx - x * x / count).sum())
        self.yy += float((yy - y * y / count).sum())
        if self.is_flag and judged.any():
            # Where a flag is not delivered it is off.
            day = rows.days[judged] - rows.days[judged].min()
            total, on = np.bincount(day), np.bincount(day, values[judged] > 0)
            self.store_days += int((total > 1).sum())
            self.varying += int(((on > 0) & (on < total)).sum())


@dataclass(slots=True)
class ColumnAudit:
    """Measures the known columns of a source against its units, store by store."""

    columns: Columns
    _sold: int = 0
    _zero: int = 0
    _by_name: dict[str, _Column] = field(default_factory=dict)

    def add(self, frame: pl.DataFrame) -> None:
        """Measure one store: rows sorted by product and date, null units = not observed."""
        if not self.columns.known or frame.is_empty():
            return
        if (step := -(-len(frame) // _ROWS)) > 1:
            frame = frame.filter(frame["product_id"].rle_id() % step == 0)
        units = frame["units"].fill_null(np.nan).to_numpy().astype(np.float64)
        product = frame["product_id"].rle_id().to_numpy()
        heads = np.flatnonzero(np.diff(product, prepend=-1))
        days = frame["date"].to_physical().to_numpy().astype(np.int64)
        sold = units > 0
        at = np.where(sold, np.arange(len(units)), len(units))
        begun = np.arange(len(units)) >= np.minimum.reduceat(at, heads)[product]
        zero = (units == 0) & begun
        rows = _Rows(units, sold, zero, heads, days)
        self._sold += int(sold.sum())
        self._zero += int(zero.sum()) + _missing(days, ~np.isnan(units) & begun, product)
        for name in self.columns.known:
            values = frame[name].fill_null(np.nan).to_numpy().astype(np.float64)
            self._by_name.setdefault(name, _Column()).add(values, rows)

    def findings(self, marked: Mapping[str, Marked]) -> list[ColumnFinding]:
        """What speaks against the columns; ``marked`` counts the days of closed and stock-out columns."""
        roles = self.columns.roles
        results = [
            finding
            for name, column in self._by_name.items()
            for finding in self._of(self.columns.known[name], roles[name], column)
        ]
        for name, counts in marked.items():
            results += _of_marks(name, counts, self.columns)
        return results

    def _of(self, name: str, role: Role, column: _Column) -> list[ColumnFinding]:
        if self._sold < _FEWEST:
            return []
        findings = []
        on_sold, on_zero = column.on_sold / self._sold, column.on_zero / max(self._zero, 1)
        if self._zero >= _FEWEST and on_sold - on_zero > _MISSING_ON_ZEROS:
            findings.append(
                ColumnFinding(
                    name,
                    "missing_on_days_without_sales",
                    1 - on_zero,
                    f"{name} is there on {100 * on_sold:,.0f} % of the days with sales "
                    f"and on {100 * on_zero:,.0f} % of those "
                    f"without; where it is missing it is {MEANING[role]}",
                    f"deliver {name} for every day, sold or not",
                    is_refused=False,
                )
            )
        copied = _copies(name, column, self._sold, self._zero)
        return [*findings, copied] if copied is not None else findings


def refuse(name: str, findings: Collection[ColumnFinding], trusted: Collection[str]) -> None:
    """Raise ``BadSales`` for source ``name`` when a finding is refused and its column not ``trusted``."""
    refused = [one for one in findings if one.is_refused and one.column not in trusted]
    if refused:
        trust = " ".join(f"--trust {column}" for column in dict.fromkeys(one.column for one in refused))
        remedies = "; ".join(dict.fromkeys(one.remedy for one in refused))
        raise BadSales(
            f"{name}: {'; '.join(one.sentence for one in refused)}",
            remedy=f"{remedies}; if you are sure, add {trust}",
        )


def _missing(days: Ints, is_known: NDArray[np.bool_], product: NDArray[np.uint32]) -> int:
    """Days without a row between the first and the last one of each series on which the store had some."""
    if not is_known.any():
        return 0
    of, at = product[is_known], days[is_known]
    open_days = np.unique(at)
    place = np.searchsorted(open_days, at)
    edges = np.flatnonzero(np.diff(of, prepend=-1))
    last = np.append(edges[1:], len(of)) - 1
    rows = np.flatnonzero(is_known)
    within = np.zeros(len(is_known) + 1, np.int64)
    within[rows[edges]] += 1
    within[rows[last] + 1] -= 1
    unobserved = ~is_known & (np.cumsum(within)[:-1] > 0) & np.isin(days, open_days)
    return int((place[last] - place[edges] + 1).sum() - len(of) - unobserved.sum())


def _copies(name: str, column: _Column, sold: int, zero: int) -> ColumnFinding | None:
    """The finding that a column says what was sold, if it does."""
    remedy = f"leave {name} out, or deliver what was planned before the day"
    if column.is_flag:
        return _marks(name, column, sold, zero, remedy)
    follows = column.xy**2 / (column.xx * column.yy) if column.xx * column.yy > 0 else 0.0
    if follows < _FOLLOWS:
        return None
    same = column.equal / max(column.on_sold, 1)
    if same >= _SAME:
        sentence = f"{name} equals the units on {100 * same:,.1f} % of the days with sales"
        return ColumnFinding(name, "equals_units", same, sentence, remedy, is_refused=True)
    sentence = (
        f"{name} follows the units: it explains {100 * follows:,.0f} % of how they vary within a series"
    )
    return ColumnFinding(name, "follows_units", follows, sentence, remedy, is_refused=True)


def _marks(name: str, column: _Column, sold: int, zero: int, remedy: str) -> ColumnFinding | None:
    """The finding that a flag is set exactly where something, or nothing, was sold."""
    if min(sold, zero) < _FEWEST:
        return None
    on_sold, on_zero = column.set_on_sold / sold, column.set_on_zero / zero
    for agreed, what in ((min(on_sold, 1 - on_zero), "sold"), (min(on_zero, 1 - on_sold), "sold nothing")):
        if agreed < _SAME:
            continue
        # Openings are the same for all products of a store on a day; what is made of sales is not.
        is_calendar = column.varying <= _VARIES * column.store_days
        sentence = f"{name} is set on exactly the days that {what} ({100 * agreed:,.1f} % of them)"
        return ColumnFinding(
            name, "mark_made_afterwards", agreed, sentence, remedy, is_refused=not is_calendar
        )
    return None


def _of_marks(name: str, counts: Marked, columns: Columns) -> list[ColumnFinding]:
    is_closed = name in {columns.closed, columns.open}
    word, limit = ("closed", _DENIED_BY_CLOSED) if is_closed else ("stocked out", _DENIED_BY_STOCKOUT)
    share = counts.sold / max(counts.all_sold, 1)
    if counts.sold and (is_closed or share >= limit):
        sentence = (
            f"{counts.sold:,} of {counts.all_sold:,} days with sales ({counts.sold_units:,.0f} units) "
            f"are marked {word} by {name}"
        )
        remedy = f"{name} must be 1 on days that are {word}"
        if is_closed:
            declared, opposite = ("--open", "--closed") if name == columns.open else ("--closed", "--open")
            remedy = (
                f"if {name} is the opposite of {declared[2:]}, give {opposite} {name} in place of {declared}"
            )
        # A single day is a slip.
        return [
            ColumnFinding(name, "denies_sales", share, sentence, remedy, share >= limit and counts.sold > 1)
        ]
    if not is_closed and counts.zero >= max(_FEWEST, _SAME * counts.all_zero):
        marked = counts.zero / counts.all_zero
        sentence = f"{name} marks {counts.zero:,} of {counts.all_zero:,} days with zero units as {word}"
        remedy = f"check that {name} comes from the stock and not from the sales: no zero demand is left"
        return [ColumnFinding(name, "mark_made_afterwards", marked, sentence, remedy, is_refused=False)]
    return []

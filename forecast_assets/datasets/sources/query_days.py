"""Stretches of days of a query, and which of them were written to, by a column that every write sets.

Belongs here: what the database is asked about its days, and the rows of some of them.
Does not belong here: connecting (``sql``), what is done with equal pieces (``datasets.patching``).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from forecast_assets.datasets.sources.base import Piece
from forecast_assets.datasets.sources.columns import check_columns
from forecast_assets.errors import BadSetting, Outage

if TYPE_CHECKING:
    import pyarrow as pa

_DIGEST_BYTES = 16
_VALUES_PER_STATEMENT = 500
Days = Mapping[Piece, Sequence[object]]


def as_table(query: str, columns: Sequence[str]) -> sa.Subquery:
    """Return the result of a query as a table with these columns."""
    named: list[sa.ColumnClause[object]] = [sa.column(name) for name in columns]
    # A colon of the query is no bound value of ours.
    return sa.text(query.replace(":", "\\:")).columns(*named).subquery("sales")


def days_of(connection: sa.Connection, name: str, query: str, day_column: str, change_column: str) -> Days:
    """Return one piece per week of a query with the values of its date column, in order.

    Raises ``BadSales`` where a column is missing, ``BadSetting`` where rows have no value of the change
    column.
    """
    sales = as_table(query, [day_column, change_column])
    # Some databases take the name of a column that is not there for a text.
    present = connection.execute(sa.select(sa.text("*")).select_from(sales).limit(0)).keys()
    check_columns(name, list(present), [day_column, change_column])
    day, change = sales.c[day_column], sales.c[change_column]
    marks = (sa.func.count(sa.distinct(change)), sa.func.min(change), sa.func.max(change))
    counts = (sa.func.count(), sa.func.count(change))
    rows = connection.execute(sa.select(day, *counts, *marks).group_by(day)).all()
    if empty := sum(row[1] - row[2] for row in rows):
        raise BadSetting(
            f"{name}: column {change_column!r} is empty in {empty:,} rows",
            remedy="let --change-column name a column that every write sets, or leave it out",
        )
    weeks: dict[str, list[sa.Row[tuple[object, ...]]]] = {}
    for row in rows:
        weeks.setdefault(week_of(row[0]), []).append(row)
    return {Piece(week, _digest(weeks[week])): [row[0] for row in weeks[week]] for week in sorted(weeks)}


def _digest(rows: Sequence[sa.Row[tuple[object, ...]]]) -> str:
    lines = sorted("\0".join(map(str, row)) for row in rows)
    return blake2b("\n".join(lines).encode(), digest_size=_DIGEST_BYTES).hexdigest()


def week_of(day: object) -> str:
    """Return the week of a value of a date column, or the value itself where it is no ISO date."""
    try:
        calendar_day = day if isinstance(day, date) else date.fromisoformat(str(day)[:10])
    except ValueError:
        return str(day)
    year, week, _ = calendar_day.isocalendar()
    return f"{year}-W{week:02}"


def rows_of(
    query: str, columns: Sequence[str], day_column: str, days: Sequence[object]
) -> Iterator[sa.Select]:
    """Yield statements that select ``columns`` on these values of the date column."""
    sales = as_table(query, columns)
    day = sales.c[day_column]
    for start in range(0, len(days), _VALUES_PER_STATEMENT):
        some = days[start : start + _VALUES_PER_STATEMENT]
        inside = day.in_([value for value in some if value is not None])
        yield sa.select(*(sales.c[name] for name in columns)).where(
            inside | day.is_(None) if None in some else inside
        )


def by_piece(
    name: str, table: "pa.Table", weeks: Sequence[str], pieces: Sequence[Piece]
) -> "dict[Piece, pa.Table]":
    """Cut rows into ``pieces``; ``weeks`` (n,) are those of the rows. Raises ``Outage`` for rows of none."""
    places = {piece.file: place for place, piece in enumerate(pieces)}
    codes = np.array([places.get(week, -1) for week in weeks], np.int64)
    if codes.size and codes.min() < 0:
        raise Outage(f"{name}: days came while it was read", remedy="launch again")
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(pieces) + 1)).tolist()
    ordered = table.take(order)
    return {
        piece: ordered.slice(start, end - start)
        for piece, (start, end) in zip(pieces, pairwise(ends), strict=True)
    }

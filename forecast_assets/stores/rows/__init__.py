"""What queries return: one type per query, compared once with what the database sends.

Belongs here: the rule that ties a type to its query (``LastMovesRow`` is ``sql/queries/last_moves.sql``), and
the comparison of names and types of columns.
Does not belong here: the types themselves (one module per room), and asking (``warehouse``).
"""

import datetime as dt
import re
from dataclasses import is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

R = TypeVar("R")
# PostgreSQL's numbers for the types of columns. Exact decimals have none: a query casts them.
_SCALARS: dict[object, set[int]] = {
    bool: {16},
    int: {20, 21, 23},
    float: {700, 701},
    str: {25, 1043},
    dt.date: {1082},
    dt.datetime: {1114, 1184},
}
_JSON = {114, 3802}
# What agreed once is not looked at again.
_COMPARED: set[tuple[type, tuple[tuple[str, int], ...]]] = set()
_ARRAYS: dict[object, set[int]] = {str: {1009, 1015}, float: {1021, 1022}, int: {1005, 1007, 1016}}


def query_of(row: type) -> str:
    """Return the name of the query whose rows are of this type, or of the type that it extends."""
    name = next((kind.__name__ for kind in row.__mro__ if kind.__name__.endswith("Row")), row.__name__)
    return _snake(name.removesuffix("Row"))


@lru_cache(maxsize=256)
def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def column_types(row: type) -> dict[str, set[int]]:
    """Return PostgreSQL's numbers of the types that each column may have."""
    return {name: _numbers(kind) for name, kind in get_type_hints(row).items()}


def _numbers(kind: Any) -> set[int]:  # noqa: ANN401 - a type
    if get_origin(kind) in {Union, UnionType}:
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is Literal:
        return _SCALARS[type(get_args(kind)[0])]
    if get_origin(kind) is dict:
        return _JSON
    if get_origin(kind) is list:
        return _JSON | _ARRAYS.get(get_args(kind)[0], set())
    return _SCALARS[kind]


def typed(result: "sa.CursorResult[Any]", row: type[R]) -> list[R]:
    """Return what a query sends as rows of its type. Raises ``TypeError`` when they do not agree."""
    columns = columns_of(result)
    compare(row, columns)
    names = [name for name, _ in columns]
    rows: list[Any] = [dict(zip(names, values, strict=True)) for values in fetched(result)]
    return [row(**values) for values in rows] if is_dataclass(row) else rows


def fetched(result: "sa.CursorResult[Any]") -> list[tuple[Any, ...]]:
    """Return rows as the driver makes them: wrapping each takes longer than reading it."""
    cursor: Any = result.cursor
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    result.close()
    return rows


def columns_of(result: "sa.CursorResult[Any]") -> tuple[tuple[str, int], ...]:
    """Return the names of the columns that a query sends, with PostgreSQL's numbers of their types."""
    cursor: Any = result.cursor
    return tuple((column.name, column.type_code) for column in cursor.description)


def compare(row: type, columns: tuple[tuple[str, int], ...]) -> None:
    """Compare the columns of a query with its type. Raises ``TypeError`` that names what differs."""
    if (row, columns) not in _COMPARED:
        _compare(row, columns)
        _COMPARED.add((row, columns))


def _compare(row: type, columns: tuple[tuple[str, int], ...]) -> None:
    declared, sent = column_types(row), dict(columns)
    wrong = sorted(
        {name for name, numbers in declared.items() if sent.get(name) not in numbers}
        | (sent.keys() - declared)
    )
    if wrong:
        raise TypeError(
            f"columns of sql/queries/{query_of(row)}.sql are not those of {row.__name__}: {wrong}"
        )

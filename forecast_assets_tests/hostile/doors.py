"""The doors sales come through: a CSV, a Parquet file, a query.

Belongs here: writing rows for each door and reading them back, for all tests of hostile input.
Does not belong here: tests.
"""

import csv
import datetime as dt
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.sources import FileSource, SqlSource
from forecast_assets.errors import BadSales

TODAY = dt.date(2024, 6, 1)
NAMES = ("store_id", "product_id", "date", "units")
DOORS = ("csv", "parquet", "sql")
FILES = ("parquet", "sql")
CALLED = {"csv": "sales.csv", "parquet": "sales.parquet", "sql": "query 'select * from sales'"}
KEY = "S1 / P1 / 2024-01-02"
NUMBER = "holds what is not a number"

Rows = Sequence[Sequence[object]]


def three_days() -> list[list[object]]:
    return [["S1", "P1", dt.date(2024, 1, day), day] for day in (1, 2, 3)]


def spoilt(column: str, value: object) -> Rows:
    """Three days of one series; the second row holds the value."""
    rows = three_days()
    rows[1][NAMES.index(column)] = value
    return rows


def through(door: str, folder: Path, rows: Rows, names: Sequence[str] = NAMES, **kept):
    """Write rows the way the door is used, and answer a source that reads them."""
    if door == "csv":
        with (folder / "sales.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([names, *rows])
    elif door == "parquet":
        columns = [_column([row[place] for row in rows]) for place in range(len(names))]
        pq.write_table(pa.Table.from_arrays(columns, names=list(names)), folder / "sales.parquet")
    else:
        with sqlite3.connect(folder / "sales.db") as database:
            database.execute(f"create table sales ({', '.join(names)})")
            marks = ", ".join("?" * len(names))
            plain = [[v.isoformat() if isinstance(v, dt.date) else v for v in row] for row in rows]
            database.executemany(f"insert into sales values ({marks})", plain)  # noqa: S608
        database.close()
        return SqlSource(url=f"sqlite:///{folder}/sales.db", query="select * from sales", **kept)
    return FileSource(path=str(folder / f"sales.{door}"), **kept)


def _column(values: list[object]) -> pa.Array:
    try:
        if len({type(value) for value in values} - {type(None), int, float}) <= 1:
            return pa.array(values)
    except pa.ArrowException:
        pass
    return pa.array([None if value is None else str(value) for value in values])


def read(source, *, dataset: str = "shop", today: dt.date = TODAY) -> dict[str, pl.DataFrame]:
    return dict(CanonicalReader(source, dataset=dataset, today=today))


def problem(source, **kept: Any) -> str:
    with pytest.raises(BadSales) as refused:
        read(source, **kept)
    return refused.value.problem

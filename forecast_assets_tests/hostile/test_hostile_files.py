"""Files of every shape: broken, cut off, mislabelled, huge, or merely unusual."""

import datetime as dt
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecast_assets.datasets import validation
from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.sources import FileSource, parquet_files
from forecast_assets_tests.hostile.doors import (
    CALLED,
    DOORS,
    FILES,
    TODAY,
    Rows,
    problem,
    read,
    three_days,
    through,
)


def csv_of(folder: Path, content: str | bytes) -> FileSource:
    file = folder / "sales.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return FileSource(path=file)


HEADER = "store_id,product_id,date,units\n"
ROW = "S1,P1,2024-01-02,3\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "sales.csv is empty"),
        (HEADER, "sales.csv has columns but no rows"),
        (HEADER + "\n\n", "sales.csv has columns but no rows"),
        (
            HEADER.replace("units", "qty") + ROW,
            "sales.csv: no column 'units'; it has 'store_id', 'product_id', 'date', 'qty'",
        ),
        (
            "store_id,product_id,Unit\n",
            (
                "sales.csv: no column 'date', 'units' (did you mean 'Unit'?); "
                "it has 'store_id', 'product_id', 'Unit'"
            ),
        ),
        (HEADER.replace("\n", ",units\n") + ROW, "sales.csv: column 'units' appears twice"),
        (
            HEADER.replace(",", ";") + ROW.replace(",", ";"),
            "sales.csv: the columns are not separated by commas",
        ),
        (HEADER + ROW + "S1,P1\n" + ROW, "sales.csv: line 3 has 2 of 4 columns"),
        (HEADER + "\n\n" + ROW + "S1,P1,2024-01-03,1,234\n", "sales.csv: line 5 has 5 of 4 columns"),
        (HEADER + ROW + '"S1,P1,2024-01-03,1\n', "sales.csv: line 3 has 1 of 4 columns"),
        ((HEADER + ROW).encode() + b"caf\xe9,P1,2024-01-03,1\n", "sales.csv: line 3 is not UTF-8"),
        ((HEADER + ROW).encode("utf-16"), "sales.csv: line 1 is not UTF-8"),
        (b"PAR1 and more", "sales.csv is not CSV but Parquet"),
        (gzip.compress((HEADER + ROW).encode(), mtime=0), "sales.csv is not CSV but gzip"),
        (b"PK\x03\x04 and more", "sales.csv is not CSV but zip or Excel"),
    ],
)
def test_a_csv_of_the_wrong_shape_is_refused(content, told, tmp_path):
    assert problem(csv_of(tmp_path, content)) == told


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROW,
        HEADER + ROW.strip(),
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r\n"),
        HEADER + "\n" + ROW + "\n\n",
        HEADER.replace("\n", ",note\n") + ROW.replace("\n", ',"two\nlines, one cell"\n'),
        "units,date,product_id,store_id\n3,2024-01-02,P1,S1\n",
        "\ufeff" + '"store_id","product_id","date","units"\n"S1","P1","2024-01-02","3"\n',
    ],
)
def test_a_csv_of_an_unusual_shape_is_accepted(content, tmp_path):
    assert read(csv_of(tmp_path, content))["S1"].rows() == [("P1", dt.date(2024, 1, 2), 3.0)]


def test_line_numbers_count_blank_lines_and_lines_inside_cells(tmp_path):
    head = HEADER.replace("\n", ",note\n")
    body = 'S1,P1,2024-01-01,1,"a\nb"\n\nS1,P1,2024-01-02,-1,x\n'
    assert problem(csv_of(tmp_path, head + body)).endswith("line 5 ('-1')")


def parquet_bytes(folder: Path) -> bytes:
    through("parquet", folder, [["S1", f"P{n}", dt.date(2024, 1, 2), n] for n in range(500)])
    return (folder / "sales.parquet").read_bytes()


@pytest.mark.parametrize("kept", [0, 3, 100, -1, -200])
def test_a_truncated_parquet_is_refused(kept, tmp_path):
    file = tmp_path / "sales.parquet"
    file.write_bytes(parquet_bytes(tmp_path)[:kept])
    assert problem(FileSource(path=file)).startswith("sales.parquet cannot be read as Parquet: ")


def test_a_parquet_with_a_damaged_page_is_refused(tmp_path):
    content = bytearray(parquet_bytes(tmp_path))
    content[4:60] = bytes(56)
    (tmp_path / "sales.parquet").write_bytes(content)
    assert "sales.parquet" in problem(FileSource(path=tmp_path / "sales.parquet"))


def test_a_csv_named_parquet_is_refused(tmp_path):
    (tmp_path / "sales.parquet").write_text(HEADER + ROW)
    assert problem(FileSource(path=tmp_path / "sales.parquet")).startswith(
        "sales.parquet cannot be read as Parquet: "
    )


def test_a_parquet_bomb_is_refused_by_what_it_claims(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_files, "_MOST_ROWS_PER_GROUP", 499)
    (tmp_path / "sales.parquet").write_bytes(parquet_bytes(tmp_path))
    told = problem(FileSource(path=tmp_path / "sales.parquet"))
    assert told.startswith("sales.parquet: row group 0 claims 500 rows, ")


def test_a_store_that_would_not_fit_into_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "MOST_ROWS_PER_STORE", 2)
    assert problem(through("csv", tmp_path, three_days())) == "sales.csv: store 'S1' has 3 rows"


@pytest.mark.parametrize("door", FILES)
def test_no_rows_are_refused(door, tmp_path):
    assert problem(through(door, tmp_path, [])) == f"{CALLED[door]} has columns but no rows"


@pytest.mark.parametrize("door", DOORS)
def test_one_row_is_enough(door, tmp_path):
    assert read(through(door, tmp_path, three_days()[:1]))["S1"].height == 1


def test_many_rows_of_one_series_cannot_be_unique(tmp_path):
    table = pa.table({"store_id": ["S1"], "product_id": ["P1"], "date": [dt.date(2024, 1, 2)], "units": [1]})
    pq.write_table(table.take(pa.repeat(0, 500_000)), tmp_path / "sales.parquet")
    assert problem(FileSource(path=tmp_path / "sales.parquet")).endswith("and 499979 more (499999 in all)")


@pytest.mark.parametrize("stores", [1, 2_000])
def test_thousands_of_short_series_are_read(stores, tmp_path):
    ids = [(f"S{n % stores}", f"P{n}") for n in range(10_000)]
    rows: Rows = [[store, product, dt.date(2024, 1, day), day] for store, product in ids for day in (1, 2, 3)]
    reader = CanonicalReader(through("parquet", tmp_path, rows), dataset="shop", today=TODAY)
    assert sum(frame.height for _, frame in reader) == 30_000
    assert (reader.summary.series, reader.summary.stores) == (10_000, stores)

"""Files of every shape: broken, cut off, mislabelled, huge, or merely unusual."""

import datetime as dt
import gzip
import os
import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.samples import take
from forecast_assets.datasets.sources import limits
from forecast_assets.datasets.sources.columns import Columns
from forecast_assets.datasets.sources.files import FileSource
from forecast_assets.errors import BadSales, BadSetting
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
    return FileSource(path=str(file))


HEADER = "store_id,product_id,date,units\n"
ROW = "S1,P1,2024-01-02,3\n"


@pytest.mark.parametrize(
    ("content", "message"),
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
def test_a_csv_of_the_wrong_shape_is_refused(content, message, tmp_path):
    assert problem(csv_of(tmp_path, content)) == message


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
    assert problem(FileSource(path=str(file))).startswith("sales.parquet cannot be read as Parquet: ")


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


def bomb(file: Path, rows: int, **texts: str | bytes) -> FileSource:
    """Rows that are all alike, which a few hundred kilobytes hold millions of."""
    values = {"store_id": "S1", "product_id": "P1", "date": dt.date(2024, 1, 2), "units": 1.0} | texts
    zeros = pa.repeat(pa.scalar(0, pa.int32()), rows)
    columns = {name: pa.DictionaryArray.from_arrays(zeros, [value]) for name, value in values.items()}
    pq.write_table(pa.table(columns), file, row_group_size=rows)
    return FileSource(path=str(file), columns=Columns(static=tuple(texts)))


def shared_beginnings(file: Path) -> FileSource:
    """Texts of 100 kB of which the file holds what they do not share."""
    notes = ["x" * 100_000 + str(number) for number in range(2_000)]
    table = pa.table({"store_id": ["S1"], "product_id": ["P1"], "date": [dt.date(2024, 1, 2)], "units": [1]})
    table = table.take(pa.repeat(0, len(notes))).append_column("note", pa.array(notes))
    pq.write_table(table, file, use_dictionary=False, column_encoding={"note": "DELTA_BYTE_ARRAY"})
    return FileSource(path=str(file), columns=Columns(static=("note",)))


@pytest.mark.parametrize(
    ("write_bomb", "settings", "message"),
    [
        (
            lambda file: bomb(file, 8_000_000),
            {},
            r"8,000,000 rows in [\d,]+ bytes would take [\d,]+ times as much memory as the file has bytes",
        ),
        (
            lambda file: bomb(file, 1_000_000),
            {"FORECAST_SOURCE_MAX_MB": "64"},
            r"row group 0 of 1,000,000 rows would take 103 MB of memory",
        ),
        (
            lambda file: bomb(file, 300_000, note="x" * 100_000),
            {"FORECAST_SOURCE_MAX_MB": "64"},
            r"row group 0 after [\d,]+ rows would take [\d,]+ MB of memory",
        ),
        (
            shared_beginnings,
            {"FORECAST_SOURCE_MAX_MB": "64"},
            r"row group 0 after [\d,]+ rows would take [\d,]+ MB of memory",
        ),
    ],
)
def test_a_parquet_bomb_is_refused_before_it_takes_memory(
    write_bomb, settings, message, tmp_path, monkeypatch
):
    source = write_bomb(tmp_path / "sales.parquet")
    assert Path(source.path).stat().st_size < 4_000_000
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    try:
        assert re.fullmatch(rf"sales\.parquet: {message}", problem(source))
        assert (pool.max_memory() or 0) < 256 * 2**20
    finally:
        pa.set_memory_pool(before)


@pytest.mark.parametrize("text", ["x" * 1_000_000, b"x" * 1_000_000])
def test_long_texts_of_a_column_that_nobody_needs_are_only_looked_at(text, tmp_path):
    source = bomb(tmp_path / "sales.parquet", 20_000, note=text)
    (file,) = source.files()
    whole = source.head(file, 20_000)
    assert 1 <= len(whole) < 40
    assert whole["note"].nbytes < 40 * 2**20
    assert len(source.head(file, 1)) == 1


def test_a_sample_has_as_many_rows_as_were_asked_for_with_their_values(tmp_path):
    table = pa.table({"note": ["a", None, "ccc"] * 100, "units": range(300)})
    pq.write_table(table, tmp_path / "sales.parquet")
    source = FileSource(path=str(tmp_path / "sales.parquet"))
    (file,) = source.files()
    assert source.head(file, 70) == table.slice(0, 70)


def test_a_store_that_would_not_fit_into_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_ROW_BYTES", 2**24)
    assert problem(through("csv", tmp_path, three_days() * 400)) == (
        "sales.csv: store 'S1' has 1,200 rows: they would take 19,200 MB of memory"
    )


def test_a_csv_with_a_cell_of_megabytes_says_so(tmp_path):
    message = problem(csv_of(tmp_path, HEADER + ROW + "S1," + "x" * 3_000_000 + ",2024-01-03,1\n"))
    assert message == "sales.csv: a line or a cell is longer than 1,048,576 bytes"


def test_a_line_longer_than_any_header_is_not_read_to_its_end(tmp_path):
    for place in (HEADER[:-1], HEADER + ROW + "S1,"):
        source = csv_of(tmp_path, place + "x" * 2**25 + "\n" + ROW)
        with pytest.raises(BadSales, match="longer than 1,048,576 bytes"):
            source.text(source.files()[0]).top(3)


def test_a_column_of_numbers_of_77_digits_is_refused_by_its_type(tmp_path):
    for column in ("units", "product_id", "unused"):
        wide = pa.array([Decimal(7)], type=pa.decimal256(60, 0))
        sales = {"store_id": ["S1"], "product_id": ["P1"], "date": [dt.date(2024, 1, 1)], "units": [1.0]}
        pq.write_table(pa.table(sales | {column: wide}), tmp_path / "sales.parquet")
        source = FileSource(path=str(tmp_path / "sales.parquet"))
        assert take(source, source.files()[0]).header == [*dict.fromkeys([*sales, column])]
        if column != "unused":
            with pytest.raises(BadSales, match=rf"column '{column}' holds decimal256\(60, 0\)"):
                read(source)


def test_a_csv_with_a_quote_that_never_ends_names_its_line(tmp_path):
    message = problem(csv_of(tmp_path, HEADER + ROW + '"S1,P1,2024-01-03,3\n' + ROW * 100_000))
    assert message == "sales.csv: line 3 has 1 of 4 columns"


def test_a_csv_with_a_million_columns_says_so(tmp_path):
    header = ",".join(["store_id", "product_id", "date", "units", *map(str, range(1_000_000))])
    assert problem(csv_of(tmp_path, header + "\n" + ROW)) == (
        "sales.csv has 1,000,004 columns; 10,000 are allowed"
    )


def test_a_name_of_a_column_of_megabytes_says_so(tmp_path):
    assert problem(csv_of(tmp_path, HEADER.replace("\n", "," + "x" * 3_000_000 + "\n") + ROW)) == (
        "sales.csv: a line or a cell is longer than 1,048,576 bytes"
    )


@pytest.mark.parametrize("door", FILES)
def test_no_rows_are_refused(door, tmp_path):
    assert problem(through(door, tmp_path, [])) == f"{CALLED[door]} has columns but no rows"


@pytest.mark.parametrize("door", DOORS)
def test_one_row_is_enough(door, tmp_path):
    assert read(through(door, tmp_path, three_days()[:1]))["S1"].height == 1


@pytest.mark.parametrize("name", ["sales.csv", "sales.zip"])
def test_a_pipe_among_the_files_is_not_waited_for(name, tmp_path):
    os.mkfifo(tmp_path / name)
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(BadSetting, match=f"{name} is no file"):
            FileSource(path=path).files()


def test_many_rows_of_one_series_cannot_be_unique(tmp_path):
    table = pa.table({"store_id": ["S1"], "product_id": ["P1"], "date": [dt.date(2024, 1, 2)], "units": [1]})
    pq.write_table(table.take(pa.repeat(0, 500_000)), tmp_path / "sales.parquet")
    assert problem(FileSource(path=tmp_path / "sales.parquet")).endswith("and 499,979 more (499,999 in all)")


@pytest.mark.parametrize("stores", [1, 2_000])
def test_thousands_of_short_series_are_read(stores, tmp_path):
    ids = [(f"S{n % stores}", f"P{n}") for n in range(10_000)]
    rows: Rows = [[store, product, dt.date(2024, 1, day), day] for store, product in ids for day in (1, 2, 3)]
    reader = CanonicalReader(through("parquet", tmp_path, rows), dataset="shop", today=TODAY)
    assert sum(frame.height for _, frame in reader) == 30_000
    assert (reader.summary.series, reader.summary.stores) == (10_000, stores)

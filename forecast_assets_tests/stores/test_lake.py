"""A file of the lake is whole or not there, on a folder and elsewhere."""

import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecast_assets.datasets.sources.files import FileSource
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores.lake import Lake

KEYS = [f"S{n:03d}" for n in range(100)]


@pytest.fixture(params=["folder", "memory"])
def lake(request, tmp_path):
    if request.param == "folder":
        return Lake(str(tmp_path / "lake"))
    return Lake(f"memory://{tmp_path.name}")


def table(kind: pa.DataType | None = None) -> pa.Table:
    """Series in order, ten rows each; units count on."""
    keys = pa.array([key for key in KEYS for _ in range(10)]).cast(kind or pa.string())
    return pa.table({"units": range(1000), "series": keys})


def test_what_is_written_is_read_listed_and_deleted(lake):
    assert lake.list("a") == []
    assert lake.list("") == []
    lake.write_bytes("a/b/two", b"2")
    lake.write_bytes("a/one", b"1")
    lake.write_bytes("other", b"")
    lake.write_bytes("a/one", b"one")
    assert (lake.read_bytes("a/one"), lake.read_bytes("other")) == (b"one", b"")
    assert lake.list("a") == ["a/b/two", "a/one"]
    assert lake.list("") == ["a/b/two", "a/one", "other"]
    for _ in range(2):
        lake.delete("a")
    assert lake.list("") == ["other"]


@pytest.mark.parametrize(
    "path", ["..", "../x", "a/../../x", "/etc/passwd", "", ".", "a*", "a?", "[a]", "a\\b", "a\nb", "a\0b"]
)
def test_no_path_leads_out_of_the_lake(lake, path):
    lake.write_bytes("a/kept", b"1")
    for act in (lake.read_bytes, lake.delete, lambda path: lake.write_bytes(path, b"2")):
        with pytest.raises(ValueError, match="leaves the lake"):
            act(path)
    assert lake.list("") == ["a/kept"]


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
def test_keys_select_their_rows_and_no_others(lake, kind):
    lake.write_table("t", table(kind), rows_per_group=64)
    selection = lake.read_table("t", columns=["units"], keys=("series", ["S099", "S007", "S007", "none"]))
    assert selection.column_names == ["units"]
    assert selection["units"].to_pylist() == [*range(70, 80), *range(990, 1000)]
    assert lake.read_table("t", keys=("series", [])).num_rows == 0
    assert lake.read_table("t", keys=("series", ["zzz"])).column_names == ["units", "series"]
    assert lake.read_table("t").num_rows == 1000


def test_row_groups_without_any_key_are_not_read(lake, monkeypatch):
    lake.write_table("t", table(), rows_per_group=100)
    read: list[int] = []
    real_read = pq.ParquetFile.read_row_groups

    def noted(file, groups, **options):
        read.extend(groups)
        return real_read(file, groups, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", noted)
    assert lake.read_table("t", keys=("series", ["S015", "S099"])).num_rows == 20
    assert read == [1, 9]


@pytest.mark.parametrize("statistics", [False, ["units"]], ids=["none", "of another column"])
def test_files_without_statistics_are_read_as_well(lake, statistics):
    sink = pa.BufferOutputStream()
    pq.write_table(table(), sink, write_statistics=statistics, row_group_size=100)
    lake.write_bytes("t", sink.getvalue().to_pybytes())
    assert lake.read_table("t", keys=("series", ["S015"]))["units"].to_pylist() == list(range(150, 160))


def test_columns_of_several_parts_do_not_confuse_the_keys(lake):
    nested = pa.array([{"a": "z", "b": "z"}] * 1000)
    lake.write_table("t", table().add_column(0, "nested", nested), rows_per_group=100)
    assert lake.read_table("t", keys=("series", ["S015"])).num_rows == 10


@pytest.mark.parametrize("content", [b"", b"no Parquet at all", "half"], ids=["empty", "other", "truncated"])
def test_a_damaged_file_is_an_outage_with_a_remedy(lake, content):
    if content == "half":
        lake.write_table("t", table())
        content = lake.read_bytes("t")[:-100]
    lake.write_bytes("t", content)
    with pytest.raises(Outage, match="damaged t") as damaged:
        lake.read_table("t", keys=("series", KEYS))
    assert "--force" in damaged.value.remedy


def test_texts_are_packed_the_same_way_each_time_and_plain_ones_are_read_as_well(lake):
    for path in ("a", "b"):
        lake.write_text(path, "größe" * 1000)
    assert lake.read_bytes("a") == lake.read_bytes("b")
    assert len(lake.read_bytes("a")) < 100
    lake.write_bytes("plain", "größe".encode())
    assert (lake.read_text("a"), lake.read_text("plain")) == ("größe" * 1000, "größe")


@pytest.mark.parametrize("cut", [3, 20, -1])
def test_a_damaged_text_is_an_outage_with_a_remedy(lake, cut):
    lake.write_text("t", "text")
    lake.write_bytes("t", lake.read_bytes("t")[:cut])
    with pytest.raises(Outage, match="damaged t") as damaged:
        lake.read_text("t")
    assert "--force" in damaged.value.remedy


def test_a_missing_file_is_an_outage_that_names_it(lake):
    for read in (lake.read_bytes, lake.read_table, lake.read_text):
        with pytest.raises(Outage, match="gone/away") as missing:
            read("gone/away")
        assert "FORECAST_LAKE_URL" in missing.value.remedy


def test_writers_of_the_same_file_do_not_mix(tmp_path):
    lake = Lake(str(tmp_path))
    contents = [bytes([n]) * 2_000_000 for n in range(4)]
    writers = [threading.Thread(target=lake.write_bytes, args=("same", content)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert lake.read_bytes("same") in contents
    assert list(tmp_path.iterdir()) == [tmp_path / "same"]


CUT = """
import os, signal, sys
from forecast_assets.stores.lake import Lake
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # written, and not yet named
Lake(sys.argv[1]).write_bytes("day/file", b"new" * 100_000)
"""


def test_a_killed_writer_leaves_what_was_there_and_no_half_file(tmp_path):
    lake = Lake(str(tmp_path))
    lake.write_bytes("day/file", b"old")
    done = subprocess.run([sys.executable, "-c", CUT, tmp_path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert lake.read_bytes("day/file") == b"old"
    assert lake.list("day") == ["day/file"]
    lake.delete("day")
    assert not (tmp_path / "day").exists()


FULL = """
import resource, sys
from forecast_assets.errors import Outage
from forecast_assets.stores.lake import Lake
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    Lake(sys.argv[1]).write_bytes("day/file", b"new" * 100_000)
except Outage as error:
    print(error)
"""


def test_no_space_for_a_file_is_an_outage_that_leaves_nothing(tmp_path):
    # A limit on the size of files fails a write as a full disk does.
    lake = Lake(str(tmp_path))
    lake.write_bytes("day/file", b"old")
    process = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], check=True, capture_output=True, text=True
    )
    assert "cannot store day/file" in process.stdout
    assert "free space" in process.stdout
    assert lake.read_bytes("day/file") == b"old"
    assert list(tmp_path.joinpath("day").iterdir()) == [tmp_path / "day" / "file"]


def test_a_file_where_a_folder_should_be_is_an_outage(tmp_path):
    lake = Lake(str(tmp_path))
    lake.write_bytes("day", b"")
    with pytest.raises(Outage, match="cannot store day/file"):
        lake.write_bytes("day/file", b"")
    assert Path(tmp_path, "day").is_file()


@contextmanager
def without_rights() -> Iterator[None]:
    """Root reads what it likes, so that it is nobody for a while."""
    account = os.geteuid()
    os.seteuid(account or pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(account)


@pytest.mark.parametrize("closed", ["", "sales", "sales/shop"])
def test_a_folder_that_may_not_be_read_is_no_empty_one(closed):
    with TemporaryDirectory() as folder:  # nobody may look into pytest's own
        lake = Lake(folder)
        lake.write_bytes("sales/shop/1.parquet", b"x")
        for part in ("", "sales", "sales/shop"):
            (Path(folder) / part).chmod(0o755)
        (Path(folder) / closed).chmod(0o000)
        try:
            with without_rights():
                for look in (lake.list, lake.files):
                    with pytest.raises(Outage, match=r"cannot list its files: .* Permission denied"):
                        look("")
                with pytest.raises(Outage, match=r"cannot be opened: .*Permission denied"):
                    FileSource(path=folder).files()
        finally:
            (Path(folder) / closed).chmod(0o755)
        assert lake.list("nowhere") == []


@pytest.mark.parametrize("url", ["nonsense://bucket", "s4://x"])
def test_an_unknown_protocol_is_refused_with_a_remedy(url):
    with pytest.raises(BadSetting, match="FORECAST_LAKE_URL") as refused:
        Lake(url)
    assert "fsspec" in refused.value.remedy


class Lost(Exception):
    """What a cloud's library raises is nobody's OSError."""


def test_exceptions_of_a_clouds_own_are_outages(tmp_path, monkeypatch):
    lake = Lake(f"memory://{tmp_path.name}")

    def lose(*_, **__):
        raise Lost("no credentials")

    for name in ("pipe_file", "cat_file", "find", "exists"):
        monkeypatch.setattr(fsspec.get_filesystem_class("memory"), name, lose)
    acts = (lake.read_bytes, lake.list, lake.delete, lambda path: lake.write_bytes(path, b""))
    for act in acts:
        with pytest.raises(Outage, match="Lost: no credentials"):
            act("a")


def test_a_lake_sees_at_once_what_another_process_wrote(tmp_path):
    lake, other = Lake(str(tmp_path)), Lake(f"file://{tmp_path}")
    assert lake.list("day") == []
    other.write_bytes("day/file", b"1")
    assert lake.list("day") == ["day/file"]


def test_computed_floats_take_less_room_and_come_back_to_the_bit(lake):
    values = np.random.default_rng(3).gamma(2, 5, 20_000).astype(np.float32)
    values[::7] = np.nan
    lists = pa.FixedSizeListArray.from_arrays(pa.array(values), 100)
    flags = pa.FixedSizeListArray.from_arrays(pa.array(values > 5), 100)
    frame = pa.table({"series": [f"s{n}" for n in range(200)], "units": lists, "is_high": flags})
    for path, computed in (("plain.parquet", False), ("computed.parquet", True)):
        lake.write_table(f"of/{path}", frame, rows_per_group=64, computed=computed)
        selection = lake.read_table(f"of/{path}", keys=("series", ["s3", "s150"]))
        assert selection["units"].combine_chunks().flatten().to_numpy().tobytes() == (
            values.reshape(200, 100)[[3, 150]].tobytes()
        )
        assert selection["is_high"].to_pylist() == frame.take([3, 150])["is_high"].to_pylist()
    sizes = {file.path: file.size for file in lake.files("of")}
    assert sizes["of/computed.parquet"] < 0.9 * sizes["of/plain.parquet"]

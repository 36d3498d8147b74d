"""A damaged file is an outage that names it; no wrong number is ever read."""

import os

import pyarrow as pa
import pytest

from forecast_assets.errors import Outage
from forecast_assets.stores.lake import Lake

SALES = pa.table({"series": [f"S{n // 10:03d}" for n in range(1000)], "units": range(1000)})
KEYS = ("series", ["S015", "S099"])
EXPECTED = [*range(150, 160), *range(990, 1000)]


@pytest.fixture
def lake(tmp_path):
    lake = Lake(str(tmp_path))
    lake.write_table("sales", SALES, rows_per_group=100)
    return lake


@pytest.mark.parametrize("left", [0, 1, 4, 8, 0.25, 0.5, 0.99, -1])
def test_a_truncated_file_is_an_outage_wherever_it_was_cut(lake, tmp_path, left):
    size = (tmp_path / "sales").stat().st_size
    os.truncate(tmp_path / "sales", int(size * left) if isinstance(left, float) else left % size)
    for keys in (None, KEYS):
        with pytest.raises(Outage, match="damaged sales"):
            lake.read_table("sales", keys=keys)


def test_a_flipped_bit_among_the_values_is_an_outage_or_was_not_asked_for(lake, tmp_path):
    content = bytearray((tmp_path / "sales").read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    outages = 0
    for place in range(4, len(content) - footer, 7):
        content[place] ^= 0x10
        (tmp_path / "sales").write_bytes(content)
        content[place] ^= 0x10
        try:
            assert lake.read_table("sales", keys=KEYS)["units"].to_pylist() == EXPECTED
        except Outage:
            outages += 1
    assert outages > 10


def test_a_file_mended_by_writing_it_again_is_read_again(lake, tmp_path):
    os.truncate(tmp_path / "sales", 100)
    with pytest.raises(Outage):
        lake.read_table("sales")
    lake.write_table("sales", SALES)
    assert lake.read_table("sales", keys=KEYS)["units"].to_pylist() == EXPECTED


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_right_is_an_outage(lake, tmp_path):
    (tmp_path / "sales").chmod(0)
    with pytest.raises(Outage, match="cannot read sales"):
        lake.read_table("sales")

"""A backup brings everything back, or nothing is touched."""

import gzip
import hashlib
import json

import pytest
import sqlalchemy as sa

from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.datasets import definition
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores import backup
from forecast_assets.stores.database import alone
from forecast_assets_tests.scenario import HEALTHY, SERIES, shop

TABLES = ("dataset", "snapshot", "availability", "evaluation", "backtest_metric", "champion")


def state(place):
    """All rows, all files, and which partitions are green."""
    files = {path: place.stores.lake.read_bytes(path) for path in place.files()}
    return {name: place.table(name) for name in TABLES}, files, place.green(CHAMPION)


def url(place) -> sa.URL:
    return place.stores.warehouse._url


@pytest.fixture
def saved(place, monkeypatch):
    """A shop that was evaluated and backed up."""
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")  # pictures take longer than all the rest
    place.prepare("shop", shop())
    assert place.evaluate(HEALTHY, SERIES[-1]).success
    folder = place.folder / "backup"
    backup.back_up(url(place), place.stores.lake, folder)
    return folder


def resealed(folder, name: str, content: bytes) -> None:
    """Change a file of a backup and its hash in the manifest along with it."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_everything_that_was_lost_comes_back(place, saved):
    before = state(place)
    assert (saved.stat().st_mode & 0o077) == 0, "others may not read it"
    place.evaluate(HEALTHY, force=True)  # what happened after the backup is undone as well
    definition.remove(place.stores, "shop")
    place.instance.delete_dynamic_partition("series", HEALTHY)
    place.stores.warehouse.dispose()
    backup.restore(url(place), place.stores.lake, saved)
    assert state(place) == before
    assert place.instance.get_dynamic_partitions("series") == SERIES
    assert place.evaluate(HEALTHY).success


def test_a_restore_that_fails_half_way_leaves_the_rows_as_they_were(place, saved):
    place.evaluate(HEALTHY, force=True)
    before = state(place)
    dump = gzip.decompress((saved / "database.sql.gz").read_bytes())
    resealed(saved, "database.sql.gz", gzip.compress(dump + b"\nselect 1 / 0;\n"))
    with pytest.raises(Outage, match="division by zero"):
        backup.restore(url(place), place.stores.lake, saved)
    assert state(place) == before


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "holds no finished backup"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "cannot be read"),
        (lambda folder: (folder / "database.sql.gz").unlink(), "database.sql.gz is missing"),
        (lambda folder: (folder / "database.sql.gz").write_bytes(b"x"), "is not what was backed up"),
        (lambda folder: resealed(folder, "../escaped", b"x"), "outside the backup"),
    ],
    ids=["unfinished", "no manifest", "missing", "changed", "escaping"],
)
def test_a_backup_that_is_not_whole_is_refused_before_anything_is_touched(tmp_path, spoil, told):
    folder = tmp_path / "backup"
    folder.mkdir()
    (folder / "manifest.json").write_text(
        json.dumps({"made_at": "2026-01-01", "revision": "0001_spine", "files": {}, "size": 0})
    )
    resealed(folder, "database.sql.gz", b"dump")
    spoil(folder)
    with pytest.raises(BadSetting, match=told):
        backup.check(folder)


def test_a_backup_of_a_newer_version_is_refused(tmp_path):
    manifest = {"made_at": "2026-01-01", "revision": "9999_future", "files": {}, "size": 0}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadSetting, match="newer than this code") as refused:
        backup.check(tmp_path)
    assert refused.value.remedy == "upgrade forecast_assets on this machine"


def test_a_folder_that_holds_anything_is_never_written_into(place):
    (place.folder / "old").mkdir()
    (place.folder / "old" / "precious").write_text("precious")
    with pytest.raises(BadSetting, match="is not an empty folder"):
        backup.back_up(url(place), place.stores.lake, place.folder / "old")
    assert [file.name for file in (place.folder / "old").iterdir()] == ["precious"]


def test_two_at_once_are_refused(place):
    with (
        alone(url(place)),
        pytest.raises(BadSetting, match="another backup, restore or retention is running"),
    ):
        backup.back_up(url(place), place.stores.lake, place.folder / "backup")
    assert not (place.folder / "backup").exists()

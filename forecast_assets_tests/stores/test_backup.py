"""A backup brings everything back as one state, or nothing is touched."""

import gzip
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from forecast_assets.cli.app import app
from forecast_assets.cli.doctor import PROBES, examine
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores import backup, restoring
from forecast_assets.stores.database import connected, database_url, during_restore
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.mlflow_backend import own_database
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.tables import columns_of
from forecast_assets_tests.conftest import _connected
from forecast_assets_tests.stores.members import until
from forecast_assets_tests.upgrades.conftest import ARCHIVE, Home, home_0_1

__all__ = ["home_0_1"]
LIVE = "shop__S1__P1"


def registry_url(home: Home) -> sa.URL:
    url = own_database(home.url)
    assert url is not None
    return url


def rows(url: sa.URL, schema: str) -> dict[str, list[str]]:
    """Every row of every table as text, in a fixed order."""
    with connected(url) as connection:
        return {
            name: sorted(
                connection.exec_driver_sql(f'select cast(t as text) from {schema}."{name}" t').scalars()  # noqa: S608
            )
            for name in columns_of(connection, schema)
        }


def state(home: Home) -> dict[str, Any]:
    """All rows of all stores, and the hash of each file."""
    lake = open_stores().lake
    return {
        "forecast": rows(home.url, "forecast"),
        "dagster": rows(home.url, "dagster"),
        "mlflow": rows(registry_url(home), "public"),
        "lake": {path: hashlib.sha256(lake.read_bytes(path)).hexdigest() for path in lake.list("")},
    }


@pytest.fixture
def saved(home_0_1: Home) -> Iterator[Path]:
    """A home that was migrated and backed up."""
    folder = home_0_1.folder / "backup"
    backup.back_up(database_url(), open_stores().lake, folder)
    yield folder
    open_stores().warehouse.dispose()


def restored(home: Home, folder: Path) -> backup.Manifest:
    open_stores().warehouse.dispose()
    with during_restore():
        return restoring.restore(home.url, open_stores().lake, folder)


def resealed(folder: Path, name: str, content: bytes) -> None:
    """Change a file of a backup and its hash in the manifest along with it."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_everything_that_was_lost_comes_back(home_0_1, saved):
    before = state(home_0_1)
    assert (saved.stat().st_mode & 0o077) == 0, "others may not read it"
    with connected(home_0_1.url) as connection:
        connection.exec_driver_sql("delete from forecast.dataset")
        connection.exec_driver_sql("truncate dagster.event_logs, dagster.runs cascade")
    with connected(registry_url(home_0_1)) as connection:
        connection.exec_driver_sql("delete from registered_model_aliases")
        connection.exec_driver_sql("update model_versions set current_stage = 'Deleted_Internal'")
    shutil.rmtree(home_0_1.folder / "lake")
    restored(home_0_1, saved)
    assert state(home_0_1) == before


def test_a_registry_whose_database_is_gone_comes_back(home_0_1, saved, postgres_url):
    before = state(home_0_1)
    with _connected(postgres_url) as connection:
        connection.exec_driver_sql(f"drop database {registry_url(home_0_1).database} with (force)")
    restored(home_0_1, saved)
    assert state(home_0_1) == before


def test_a_backup_restored_elsewhere_finds_the_files_of_its_models(home_0_1, saved, monkeypatch):
    elsewhere = home_0_1.folder / "elsewhere"
    monkeypatch.setenv("FORECAST_LAKE_URL", str(elsewhere))
    restored(home_0_1, saved)
    registry = Registry(registry_url(home_0_1).render_as_string(hide_password=False))
    number = registry.aliases([LIVE])[LIVE]["champion"]
    version = registry.version(LIVE, number)
    shutil.move(home_0_1.folder / "lake", home_0_1.folder / "gone")
    assert version is not None
    with registry.files(version.run_id, version.path) as folder:
        assert any(folder.iterdir())
    registry.dispose()


@pytest.mark.parametrize("table", ["rows/forecast/champion.gz", "mlflow/public/model_versions.gz"])
def test_a_restore_that_fails_half_way_leaves_all_rows_as_they_were(home_0_1, saved, table):
    with connected(home_0_1.url) as connection:
        connection.exec_driver_sql("delete from forecast.plan")
    before = state(home_0_1)
    content = gzip.decompress((saved / table).read_bytes())
    resealed(saved, table, gzip.compress(content + content.splitlines(keepends=True)[0]))
    with pytest.raises(BadSetting, match="duplicate key"):
        restored(home_0_1, saved)
    assert state(home_0_1) == before
    assert database_url(), "no marker is left"


def test_a_killed_restore_is_seen_shuts_everybody_out_and_is_repeated(home_0_1, saved):
    before = state(home_0_1)
    program = "from forecast_assets.cli import main; main()"
    words = [sys.executable, "-c", program, "state", "restore", str(saved), "--yes"]
    waits = sa.text("select count(*) from pg_locks where not granted and locktype = 'relation'")
    with connected(home_0_1.url) as holder:  # its transaction keeps the restore from coming further
        holder.exec_driver_sql("select 1 from dagster.runs")
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            until(lambda: holder.scalar(waits) or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
    open_stores().warehouse.dispose()
    with pytest.raises(Outage, match=f"a restore of {saved} was begun") as refused:
        database_url()
    assert f"state restore {saved} --yes" in refused.value.remedy
    (finding,) = examine({"database": PROBES["database"]})
    assert not finding.healthy
    model = next(home_0_1.folder.rglob("MLmodel"))
    (model.parent / f"MLmodel.{'0' * 32}.part").write_text("as far as a killed writer came")
    done = CliRunner().invoke(app, ["state", "restore", str(saved), "--yes"])
    assert done.exit_code == 0, done.output
    after = state(home_0_1)
    for store in ("forecast", "mlflow", "lake"):
        assert after[store] == before[store]
    assert [*model.parent.glob("MLmodel*")] == [model], "a model has the files that were registered"


def old_backup(home: Home) -> Path:
    """What `state backup` of release 0.1 wrote: a script for psql and the lake, nothing of MLflow."""
    folder = home.folder / "old"
    folder.mkdir()
    with tarfile.open(ARCHIVE) as archive:
        dump = archive.extractfile("forecast.sql")
        assert dump is not None
        script = dump.read().replace(b"/srv/shop", str(home.folder).encode())
    manifest = {"made_at": "2026-11-28", "revision": "0006_operations", "files": {}, "size": 0}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    resealed(folder, "database.sql.gz", gzip.compress(script))
    return folder


def test_a_backup_of_release_0_1_is_restored_and_nothing_in_it_is_run(home_0_1):
    folder = old_backup(home_0_1)
    champions = CliRunner().invoke(app, ["export", "champions", "shop", "--format", "json"]).stdout
    with connected(home_0_1.url) as connection:
        connection.exec_driver_sql("delete from forecast.dataset")
    witness = home_0_1.folder / "witness"
    script = gzip.decompress((folder / "database.sql.gz").read_bytes())
    harm = f"\\! touch {witness}\ncopy (select 1) to program 'touch {witness}';\ndrop schema public;\n"
    resealed(folder, "database.sql.gz", gzip.compress(harm.encode() + script + harm.encode()))
    restored(home_0_1, folder)
    again = CliRunner().invoke(app, ["export", "champions", "shop", "--format", "json"])
    assert again.stdout == champions
    assert not witness.exists()


def doctored(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def table_of(manifest: dict[str, Any], namespace: str, name: str) -> dict[str, Any]:
    (table,) = (one for one in manifest["tables"] if (one["namespace"], one["name"]) == (namespace, name))
    return dict(table)


def rows_more(folder: Path, name: str, content: bytes) -> None:
    resealed(folder, name, gzip.compress(gzip.decompress((folder / name).read_bytes()) + content))


def renamed(manifest: dict[str, Any], namespace: str, name: str) -> None:
    """One more table in the manifest, with the file of another one."""
    table = table_of(manifest, "forecast", "plan")
    manifest["tables"].append(table | {"namespace": namespace, "name": name})


def without(manifest: dict[str, Any], name: str) -> None:
    manifest["tables"] = [table for table in manifest["tables"] if table["name"] != name]


def renamed_file(folder: Path, name: str) -> None:
    """Let a table that is empty have another name and a row that the manifest does not count."""
    rows_more(folder, f"mlflow/public/{name}.gz", b"x\n")
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace(f'"name": "{name}"', '"name": "evil"'))


DOCTORED: dict[str, tuple[Callable[[Path], object], str]] = {
    "rows behind the mark of the end": (
        lambda folder: rows_more(folder, "rows/forecast/plan.gz", b"\\.\n\\! reboot\ndrop schema public;\n"),
        "plan.gz holds more lines instead of 3",
    ),
    "the mark alone": (
        lambda folder: rows_more(folder, "rows/dagster/runs.gz", b"\\."),
        "runs.gz does not fit|runs.gz holds more lines",
    ),
    "another store": (
        lambda folder: doctored(folder, lambda manifest: renamed(manifest, "pg_catalog", "pg_authid")),
        "pg_catalog.pg_authid is no table of these stores",
    ),
    "another table": (
        lambda folder: doctored(folder, lambda manifest: renamed(manifest, "forecast", "evil")),
        "does not hold forecast as its revision has it: evil",
    ),
    "the same table twice": (
        lambda folder: doctored(folder, lambda manifest: renamed(manifest, "forecast", "plan")),
        "holds forecast.plan twice",
    ),
    "a table that was left out": (
        lambda folder: doctored(folder, lambda manifest: without(manifest, "champion")),
        "rows/forecast/champion.gz is no table of the manifest",
    ),
    "rows of a table that is not there": (
        lambda folder: renamed_file(folder, "metrics"),
        "metrics.gz holds more lines instead of 0",
    ),
    "no compressed file": (
        lambda folder: resealed(folder, "rows/forecast/plan.gz", b"text"),
        "plan.gz cannot be read",
    ),
}  # fmt: skip


def test_a_doctored_backup_is_refused_runs_nothing_and_leaves_all_rows_as_they_were(home_0_1, saved):
    before = state(home_0_1)
    for place, (spoil, reason) in DOCTORED.items():
        folder = shutil.copytree(saved, home_0_1.folder / place)
        spoil(folder)
        with pytest.raises(BadSetting, match=reason):
            restored(home_0_1, folder)
    assert state(home_0_1) == before
    assert database_url(), "no marker is left"


def test_a_restored_sequence_goes_on_after_the_rows_whatever_the_manifest_says(home_0_1, saved):
    doctored(saved, lambda manifest: manifest["sequences"].update({"dagster.runs_id_seq": 1}))
    restored(home_0_1, saved)
    with connected(home_0_1.url) as connection:
        newest, following = connection.exec_driver_sql(
            "select max(id), nextval('dagster.runs_id_seq') from dagster.runs"
        ).one()
    assert following == newest + 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "holds no finished backup"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "cannot be read"),
        (lambda folder: (folder / "rows.gz").unlink(), "rows.gz is missing"),
        (lambda folder: (folder / "rows.gz").write_bytes(b"x"), "is not what was backed up"),
        (lambda folder: resealed(folder, "../escaped", b"x"), "outside the backup"),
    ],
    ids=["unfinished", "no manifest", "missing", "changed", "escaping"],
)
def test_a_backup_that_is_not_whole_is_refused_before_anything_is_touched(tmp_path, spoil, reason):
    folder = tmp_path / "backup"
    folder.mkdir()
    (folder / "manifest.json").write_text(
        json.dumps({"made_at": "2026-01-01", "revision": "0001_spine", "files": {}, "size": 0})
    )
    resealed(folder, "rows.gz", b"rows")
    spoil(folder)
    with pytest.raises(BadSetting, match=reason):
        backup.check(folder)


def test_a_file_of_rows_that_no_hash_proves_is_refused(tmp_path):
    table = {"namespace": "forecast", "name": "plan", "columns": ["id"], "rows": 0, "file": "/etc/passwd"}
    manifest = {"made_at": "2026", "revision": "0001_spine", "files": {}, "size": 0, "tables": [table]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadSetting, match="no hash proves /etc/passwd"):
        backup.check(tmp_path)


def test_a_backup_of_a_newer_version_is_refused(tmp_path):
    manifest = {"made_at": "2026-01-01", "revision": "9999_future", "files": {}, "size": 0}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadSetting, match="newer than this code") as refused:
        backup.check(tmp_path)
    assert refused.value.remedy == "upgrade forecast_assets on this machine"


def test_a_folder_that_holds_anything_is_never_written_into(tmp_path):
    (tmp_path / "precious").write_text("precious")
    with pytest.raises(BadSetting, match="is not an empty folder"):
        backup.back_up(sa.make_url("postgresql:///none"), Lake(str(tmp_path / "lake")), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["precious"]


def test_a_role_that_may_not_make_tables_is_refused_before_anything_is_touched(home_0_1, saved):
    role = f"reader_{home_0_1.url.database}"
    with connected(home_0_1.url) as connection:
        connection.exec_driver_sql(f"create role {role} login")
    try:
        with pytest.raises(BadSetting, match="may not replace the tables"), during_restore():
            restoring.restore(home_0_1.url.set(username=role), open_stores().lake, saved)
    finally:
        with connected(home_0_1.url) as connection:
            connection.exec_driver_sql(f"drop role {role}")

"""The lake on object storage by its URL alone: the whole chain, a storage that dies, trimming."""

import datetime as dt
import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.request import Request, urlopen

import fsspec
import pytest

from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.profiles import profile
from forecast_assets.datasets.sources import FileSource
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.stores import backup
from forecast_assets.stores.database import database_url
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.retention import Policy, retain
from forecast_assets_tests.dagit import free_port, until
from forecast_assets_tests.scenario import HEALTHY, SERIES, Place, shop

pytest.importorskip("s3fs", reason="the extra s3 is not installed")
pytest.importorskip("moto", reason="moto is not installed")
BUCKET = "forecast-lake"


@dataclass
class Storage:
    """A server that speaks S3, as a process."""

    port: int
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1"]
        place, quiet = ["-p", str(self.port)], subprocess.DEVNULL
        self.process = subprocess.Popen([*command, *place], stdout=quiet, stderr=quiet)
        until("the object storage answers", self._has_bucket)

    def _has_bucket(self) -> bool:
        try:
            request = Request(f"{self.url}/{BUCKET}", method="PUT")  # noqa: S310 - loopback
            with urlopen(request, timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(60)


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    server = Storage(free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def cloud(
    storage: Storage, open_place: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A shop whose lake is a bucket."""
    folder = tmp_path_factory.mktemp("cloud")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_LAKE_URL", f"s3://{BUCKET}/lake")
        patch.setenv("FORECAST_DETAILED_SERIES", "0")
        patch.setenv("AWS_ENDPOINT_URL", storage.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "canary-77d1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with open_place(folder) as place:
            place.prepare("shop", shop())
            yield place


def test_the_whole_chain_works_on_a_bucket_and_leaves_nothing_on_the_disk(cloud):
    assert cloud.evaluate(SERIES[0], SERIES[-1]).success
    (forecast,) = make_forecasts(cloud.stores, [HEALTHY], run_id="night")
    assert forecast.outcome == "forecast"
    stored = read_forecast(cloud.stores, HEALTHY)
    assert stored is not None
    (row,) = cloud.table("forecast")
    assert stored.units.sum() == pytest.approx(row["total"])
    assert cloud.green(CHAMPION) == set(SERIES)
    folders = {path.partition("/")[0] for path in cloud.files()}
    assert {"sales", "panels", "backtests", "forecasts"} <= folders
    assert not (cloud.folder / "lake").exists()


def test_a_backup_holds_the_bucket_and_trimming_deletes_its_orphans(cloud):
    lake = cloud.stores.lake
    lake.write_bytes("backtests/shop/killed/a.parquet", b"x")
    before = cloud.files()
    manifest = backup.back_up(database_url(), lake, cloud.folder / "backup")
    assert {name.removeprefix("lake/") for name in manifest.files if name.startswith("lake/")} == set(before)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=49)
    parts = retain(cloud.stores, cloud.instance.delete_run, open_registry, Policy(), apply=True, now=later)
    assert {part.what: part.count for part in parts}["files of the lake"] == 1
    assert set(before) - set(cloud.files()) == {"backtests/shop/killed/a.parquet"}


def test_a_folder_of_a_bucket_is_a_source_whose_changes_are_noticed(cloud):  # noqa: ARG001 - it sets the credentials
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    header, place = "store_id,product_id,date,units\n", f"{BUCKET}/exports"
    files.pipe(f"{place}/2024/a.csv", f"{header}S1,007,2024-01-01,3\nS1,007,2024-01-02,4\n".encode())
    source = profile(FileSource(path=f"s3://{place}"), {}).source
    before = source.fingerprint()
    assert source.fingerprint() == before
    files.pipe(f"{place}/2024/b.csv.gz", gzip.compress(f"{header}S1,007,2024-01-03,5\n".encode()))
    assert source.fingerprint() != before
    ((store, frame),) = CanonicalReader(source, dataset="shop", today=dt.date(2024, 6, 1))
    assert (store, frame["units"].to_list()) == ("S1", [3, 4, 5])
    with pytest.raises(BadSetting, match=f"there is no file or folder 's3://{BUCKET}/nothing'"):
        FileSource(path=f"s3://{BUCKET}/nothing").files()


def test_a_storage_that_dies_is_an_outage_that_changes_no_row(cloud, storage):
    before = cloud.table("forecast")
    storage.kill()
    with pytest.raises(Outage) as outage:
        list(make_forecasts(cloud.stores, [HEALTHY], run_id="outage", force=True))
    assert "canary-77d1" not in str(outage.value)
    assert "FORECAST_LAKE_URL" in outage.value.remedy
    assert cloud.table("forecast") == before

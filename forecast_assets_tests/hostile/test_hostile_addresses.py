"""Where a definition of a dataset may not lead: other folders, other servers, the machine's own link."""

import socket
import threading
from contextlib import nullcontext
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from zipfile import ZipFile

import pytest
import sqlalchemy as sa

from forecast_assets.cli.demo import SALES
from forecast_assets.datasets.sources import FileSource, SqlSource, reach
from forecast_assets.errors import BadSetting, Outage
from forecast_assets_tests.hostile.doors import read, three_days, through

OUTSIDE = "lies outside of the folders that sources may use"


@pytest.fixture
def incoming(tmp_path, monkeypatch):
    """The one folder that sources may use, with sales in it and beside it."""
    inside, outside = tmp_path / "incoming", tmp_path / "private"
    for folder in (inside, outside):
        folder.mkdir()
        through("csv", folder, three_days())
        through("sql", folder, three_days())
    monkeypatch.setenv(
        "FORECAST_SOURCES", f"{inside}, s3://sales/incoming, https://data.example, env:SALES_URL"
    )
    return inside


def test_what_is_allowed_is_read(incoming):
    assert read(FileSource(path=str(incoming / "sales.csv")))["S1"].height == 3
    assert read(FileSource(path=f"{incoming}/*.csv"))["S1"].height == 3
    query = "select * from sales"
    assert read(SqlSource(url=f"sqlite:///{incoming}/sales.db", query=query))["S1"].height == 3


@pytest.mark.parametrize("is_server", [True, False])
def test_without_a_list_nothing_is_read_once_the_database_is_a_server(is_server, incoming, monkeypatch):
    monkeypatch.delenv("FORECAST_SOURCES")
    monkeypatch.delenv("FORECAST_DATABASE_URL", raising=False)
    if is_server:
        monkeypatch.setenv("FORECAST_DATABASE_URL", "postgresql://127.0.0.1/forecast")
    database = "postgresql://127.0.0.1/sales"
    for check in (
        partial(reach.check_files, [str(incoming / "sales.csv")]),
        partial(reach.check_url, "https://data.example/a.csv"),
        partial(reach.check_database, database, sa.make_url(database)),
    ):
        with pytest.raises(BadSetting) if is_server else nullcontext() as refused:
            check()
        if refused is not None:
            assert "or * for everything" in refused.value.remedy
    reach.check_files([str(SALES)])
    monkeypatch.setenv("FORECAST_SOURCES", "*")
    reach.check_files([str(incoming / "sales.csv")])


@pytest.mark.parametrize(
    "path",
    ["{outside}/sales.csv", "{outside}", "{outside}/*.csv", "{inside}/../private/sales.csv", "/etc/passwd"],
)
def test_no_path_leads_out_of_the_allowed_folders(path, incoming):
    source = FileSource(path=path.format(inside=incoming, outside=incoming.parent / "private"))
    with pytest.raises(BadSetting, match=OUTSIDE):
        read(source)


@pytest.mark.parametrize("whole", [True, False])
def test_no_link_leads_out_of_the_allowed_folders(whole, incoming):
    outside, link = incoming.parent / "private", incoming / "link"
    link.symlink_to(outside if whole else outside / "sales.csv")
    if not whole:
        link = link.rename(incoming / "linked.csv")
    with pytest.raises(BadSetting, match=OUTSIDE):
        read(FileSource(path=str(link)))


def test_an_archive_is_judged_by_where_it_lies_and_its_members_by_nothing_else(incoming):
    outside = incoming.parent / "private"
    for folder in (incoming, outside):
        with ZipFile(folder / "sales.zip", "w") as archive:
            archive.write(folder / "sales.csv", "exports/sales.csv")
    assert read(FileSource(path=str(incoming / "sales.zip")))["S1"].height == 3
    (incoming / "more").mkdir()
    (incoming / "more" / "linked.zip").symlink_to(outside / "sales.zip")
    for path in (incoming / "more" / "linked.zip", incoming / "more"):
        with pytest.raises(BadSetting, match=OUTSIDE):
            read(FileSource(path=str(path)))


def test_no_database_file_lies_outside(incoming):
    outside = incoming.parent / "private" / "sales.db"
    with pytest.raises(BadSetting, match=OUTSIDE):
        read(SqlSource(url=f"sqlite:///{outside}", query="select * from sales"))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "local:///etc/passwd",
        "s3://sales-of-others/incoming/a.csv",
        "s3://sales/incoming-of-others/a.csv",
        "s3://sales/incoming/../private/a.csv",
        "s3://sales/incoming/%2e%2e/private/a.csv",
        "https://data.example.evil.example/a.csv",
        "https://data.example:8443/a.csv",
        "http://data.example/a.csv",
        "simplecache::s3://sales/incoming/a.csv",
        "zip://a.csv::file:///etc/archive.zip",
        "async_wrapper::http://data.example/a.csv",
        "memory://a.csv",
    ],
)
def test_no_other_storage_is_reached(url, incoming):
    assert incoming
    with pytest.raises(BadSetting, match="is none of the storages that sources may use"):
        FileSource(path=url)


@pytest.mark.parametrize(
    "path", ["data:text/csv,a", "jar:file:///etc/passwd", "dbfs:/a.csv", "async:x::/etc/passwd"]
)
def test_what_is_not_judged_as_a_url_is_opened_as_none(path, incoming):
    assert incoming
    with pytest.raises(BadSetting, match="lies outside of the folders"):
        FileSource(path=path).files()


@pytest.mark.parametrize(
    "url", ["s3://sales/incoming/a.csv", "s3://sales/incoming", "https://data.example/x/a.csv"]
)
def test_allowed_storages_are_reached(url, incoming):
    assert incoming
    reach.check_url(url)


@pytest.mark.parametrize(
    ("named", "url", "fine"),
    [
        ("env:SALES_URL", "postgresql://db.internal/sales", True),
        ("env:OTHER_URL", "postgresql://db.internal/sales", False),
        ("postgresql://db.example/sales", "postgresql://db.example/sales", True),
        ("postgresql://db.example/salesman", "postgresql://db.example/salesman", False),
        ("postgresql://db.example.evil.example/sales", "postgresql://db.example.evil.example/sales", False),
        ("mysql://db.example/sales", "mysql://db.example/sales", False),
        # Drivers connect to the parameter instead.
        ("postgresql://db.example/sales?host=", "postgresql://db.example/sales?host=evil.example", False),
        ("postgresql://db.example/sales?host=", "postgresql://db.example/sales?host=/var/run", False),
        (
            "postgresql://db.example/sales?host=",
            "postgresql://db.example/sales?host=db.example:5432,evil.example:5432",
            False,
        ),
        ("postgresql://db.example/sales?host=", "postgresql://db.example/sales?host=db.example:5432", True),
    ],
)
def test_only_allowed_databases_are_reached(named, url, fine, monkeypatch):
    monkeypatch.setenv("FORECAST_SOURCES", "env:SALES_URL,postgresql://db.example/sales")
    if fine:
        reach.check_database(named, sa.make_url(url))
        return
    with pytest.raises(BadSetting, match="is none of those that sources may use"):
        reach.check_database(named, sa.make_url(url))


LINK = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "[fe80::1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[::169.254.169.254]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "168.63.129.16",
    "0.0.0.0",  # noqa: S104 - an address to ask, not to listen at
    "metadata.google.internal",
]


@pytest.mark.parametrize("host", LINK)
def test_the_machines_own_link_is_no_source_whatever_is_allowed(host):
    with pytest.raises(BadSetting, match="address of this machine's own link"):
        FileSource(path=f"http://{host}/latest/meta-data/a.csv")
    for chained in ("simplecache::http://{}/a.csv", "zip://a.csv::https://{}/a.zip", "webhdfs://{}/a.csv"):
        with pytest.raises(BadSetting, match="address of this machine's own link"):
            reach.check_url(chained.format(host))
    for url in ("postgresql://{}/sales", "postgresql://db.example/sales?host={}"):
        with pytest.raises(BadSetting, match="address of this machine's own link"):
            read(SqlSource(url=url.format(host if "?" not in url else host.strip("[]")), query="select 1"))


@pytest.mark.parametrize("url", ["https:/user:token@data.example/a.csv", "http:///169.254.169.254/a.csv"])
def test_a_url_without_a_server_is_refused(url):
    with pytest.raises(BadSetting, match="names no server") as refused:
        reach.check_url(url)
    assert "token" not in str(refused.value)


def test_a_name_of_the_machines_own_link_is_looked_up_where_no_client_of_ours_does(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("169.254.169.254", 0))])
    for scheme in ("sftp", "webhdfs", "smb"):
        with pytest.raises(BadSetting, match="address of this machine's own link"):
            reach.check_url(f"{scheme}://innocent.example/a.csv")


@pytest.mark.parametrize("chain", ["", "simplecache::"])
def test_a_redirect_to_the_machines_own_link_is_not_followed(chain, monkeypatch):
    judged, judge = list[str](), reach.is_link_local

    def noting(address: str) -> bool:
        judged.append(address)
        return judge(address)

    monkeypatch.setattr(reach, "is_link_local", noting)

    class Redirect(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/a.csv")
            self.end_headers()

        do_GET = do_HEAD = answer  # noqa: N815 - names of the protocol

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Redirect) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises((Outage, BadSetting)) as refused:
            read(FileSource(path=f"{chain}http://127.0.0.1:{server.server_port}/a.csv"))
        server.shutdown()
    assert "169.254.169.254" in judged
    assert chain or "own link" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://token@data.example/a.csv",
        "https://data.example/a.csv?sig=x",
        "https://data.example/a.csv?X-Amz-Credential=x",
        "https://data.example/a.csv?apikey=x",
        "https://data.example/a.csv?version=1;apikey=x",
        "https://data.example/a.csv;jsessionid=token",
        "https://data.example/a.csv#access=token",
        "simplecache::https://data.example/a.csv?apikey=x",
        "s3://key:secret@bucket/a.csv",
        "https://data.example/a.csv?token",
        "https://data.example/a.csv?format=csv?sig=token",
        "https://data.example/a.csv?raw=%26sig%3Dtoken",
    ],
)
def test_a_url_of_files_keeps_no_secret(url):
    with pytest.raises(BadSetting, match="may hold a secret") as refused:
        FileSource(path=url)
    assert "token" not in str(refused.value)

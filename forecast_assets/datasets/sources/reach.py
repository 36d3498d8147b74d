"""How far a definition of a dataset may reach: which folders, storages and databases.

Belongs here: the allow-list ``FORECAST_SOURCES``, and addresses that no source may have.
Does not belong here: opening anything (``opening``, ``sql``).

Who may add a dataset names paths and addresses that the servers open with their own rights. The list says
which. Without it everything is allowed to whoever uses the embedded database, who is its operator, and
nothing where many share a server. Addresses of the machine's own link (where clouds hand out credentials) are
refused always.
"""

import errno
import ipaddress
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa

from forecast_assets.errors import BadSetting
from forecast_assets.settings import settings

_REMEDY = "let whoever runs the servers add it to FORECAST_SOURCES"
_UNSET = (
    "let whoever runs the servers name in FORECAST_SOURCES what datasets may read, or * for everything: "
    "unset, it allows nothing once FORECAST_DATABASE_URL names a server"
)
_ALL = "*"
_PACKAGED = Path(__file__).parents[2] / "data"
# Where clouds hand out credentials, by names and, besides addresses of the link, by number.
_METADATA = {
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "instance-data",
}
_METADATA_AT = {"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"}
# An IPv4 address stands in their last four bytes.
_TRANSLATED = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")]
# Storages of which a URL names a server, not a bucket.
_SERVERS = {"http", "https", "ftp", "ftps", "sftp", "ssh", "smb", "webdav", "hdfs", "webhdfs"}
# Parameters of a URL of files that hold no secret; signatures and keys have too many names to list.
_HARMLESS = re.compile(r"versionid|version|format|download|dl|raw|gid|export|output|sheet", re.IGNORECASE)
_CHAIN = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.-]*:[:/])")  # not within an address of IPv6
_PORT = re.compile(r"(?<!:):[0-9]+$")
# Storages of which a URL names a user, or a container, before the server.
_USERS = {"ssh", "sftp", "ftp", "smb", "webdav", "hdfs", "abfs", "abfss", "wasb", "wasbs"}


def allowed() -> list[str] | None:
    """The entries of ``FORECAST_SOURCES``; ``None`` where everything is allowed."""
    configuration = settings()
    if configuration.sources is None:
        return None if configuration.database_url is None else []
    entries = [entry.strip() for entry in configuration.sources.split(",") if entry.strip()]
    return None if _ALL in entries else entries


def _remedy() -> str:
    return _UNSET if settings().sources is None else _REMEDY


def check_files(paths: Sequence[str]) -> None:
    """Refuse local files outside of the allowed folders, links followed. Raises ``BadSetting``."""
    entries = allowed()
    if entries is None:
        return
    folders = [_PACKAGED, *(Path(entry).resolve() for entry in entries if entry.startswith("/"))]
    for path in paths:
        real = Path(path).resolve()
        if not any(real.is_relative_to(folder) for folder in folders):
            raise BadSetting(f"{path} lies outside of the folders that sources may use", remedy=_remedy())


def check_url(url: str) -> None:
    """Refuse a URL of files that may hold a secret, or leads where no source may. Raises ``BadSetting``.

    A URL may be a chain of several, as ``simplecache::https://host/file``; each is judged.
    """
    for link in _CHAIN.split(url):
        _check_link(link)
    entries = allowed()
    if entries is None:
        return
    parts = urlsplit(url)
    path = unquote(parts.path)
    if "::" in url or ".." in path.split("/") or not any(_covers(entry, parts) for entry in entries):
        place = f"{parts.scheme}://{parts.hostname or ''}"
        raise BadSetting(f"{place} is none of the storages that sources may use", remedy=_remedy())


def _check_link(link: str) -> None:
    parts = urlsplit(link)
    # Parameters also stand behind semicolons of the path, and in the fragment.
    _, *behind = [*parts.path.split(";"), *parts.fragment.split("&")]
    pairs = [*re.split("[&;]", parts.query), *(pair for pair in behind if "=" in pair)]
    unknown = [name for name, value in map(_named, filter(None, pairs)) if not _is_harmless(name, value)]
    if unknown or parts.password or (parts.username and parts.scheme not in _USERS):
        raise BadSetting(
            "the URL of the files may hold a secret"
            + (f": parameter {unknown[0]!r}" if unknown and unknown[0] else ""),
            remedy="put credentials where the storage's own library looks for them: environment or profile",
        )
    if parts.scheme in _SERVERS:
        if not parts.hostname:
            raise BadSetting(
                "the URL of the files names no server", remedy=f"write {parts.scheme}://server/file"
            )
        # A client of ours judges where a name of these two leads when it connects.
        check_host(parts.hostname, is_named=parts.scheme not in {"http", "https"})


def _named(pair: str) -> tuple[str, str]:
    """Name and value of a parameter; what stands there alone is a value, which may be a secret."""
    name, sign, value = pair.partition("=")
    return (name, value) if sign else ("", name)


def _is_harmless(name: str, value: str) -> bool:
    return bool(_HARMLESS.fullmatch(name)) and not set("=&;?") & set(unquote(value))


def _covers(entry: str, parts: Any) -> bool:  # noqa: ANN401 - the result of urlsplit has no public name
    prefix = urlsplit(entry)
    folder = prefix.path.rstrip("/")
    inside = unquote(parts.path) == folder or unquote(parts.path).startswith(f"{folder}/")
    same = (prefix.scheme, prefix.netloc.lower()) == (parts.scheme, parts.netloc.lower())
    return bool(prefix.scheme) and inside and (same or (prefix.scheme == parts.scheme and not prefix.netloc))


def check_database(named: str, url: sa.URL) -> None:
    """Refuse a database that is not allowed. ``named`` is what the definition says: a URL or env:NAME.

    Raises ``BadSetting``.
    """
    if url.get_backend_name() in {"sqlite", "duckdb"}:
        check_files([url.database or ""])
        return
    entries = allowed()
    for host in _hosts(url):
        if host is not None:
            check_host(host)
        place = sa.URL.create(url.get_backend_name(), host=host, port=url.port, database=url.database)
        whole = place.render_as_string()
        if entries is None or named in entries:
            continue
        if not any("://" in entry and f"{whole}/".startswith(f"{entry.rstrip('/')}/") for entry in entries):
            raise BadSetting(
                f"the database {host or ''} is none of those that sources may use", remedy=_remedy()
            )


def _hosts(url: sa.URL) -> list[str | None]:
    """Every server that a driver may connect to; ``None`` is this machine by a socket.

    A parameter ``host``, which may list several with their ports, counts instead of what the URL names.
    """
    listed = url.query.get("host", ())
    values = (listed,) if isinstance(listed, str) else listed
    hosts = [host.strip() for value in values for host in value.split(",") if host.strip()]
    sockets = [None for host in hosts if host.startswith(("/", "@"))]
    return [url.host, *sockets, *(_PORT.sub("", host) for host in hosts if not host.startswith(("/", "@")))]


def check_host(host: str, *, is_named: bool = True) -> None:
    """Refuse a host whose address belongs to the link of this machine. Raises ``BadSetting``.

    Its name is looked up if ``is_named``; otherwise only what already is an address is judged.
    """
    named = host.lower().rstrip(".") in _METADATA
    try:
        flags = 0 if is_named and not named else socket.AI_NUMERICHOST
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None, flags=flags)}
    except OSError:
        addresses = set()  # a name, or one that the driver will not find either
    if named or any(is_link_local(address) for address in addresses):
        raise BadSetting(
            f"{host} is an address of this machine's own link, where no sales are",
            remedy="name the server of the sales",
        )


def is_link_local(address: str) -> bool:
    """Whether an address is of the machine's own link or a cloud's metadata, in any form it is written in."""
    at = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(at, ipaddress.IPv6Address):
        inner = at.ipv4_mapped or at.sixtofour
        if not at.is_unspecified and any(at in net for net in _TRANSLATED):
            inner = ipaddress.IPv4Address(int(at) & 0xFFFFFFFF)
        if inner is not None:
            return is_link_local(str(inner))
    return at.is_link_local or at.is_unspecified or str(at) in _METADATA_AT


async def careful_client(**options: Any) -> Any:  # noqa: ANN401 - aiohttp is there only where HTTP is read
    """Return an HTTP session whose connections never go to the machine's own link, redirected or not."""
    import aiohttp

    def connect(info: Any) -> socket.socket:  # noqa: ANN401 - as getaddrinfo returns it
        family, kind, protocol, _, address = info
        if is_link_local(str(address[0])):
            raise OSError(errno.EACCES, f"{address[0]} is an address of this machine's own link")
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=connect), **options)

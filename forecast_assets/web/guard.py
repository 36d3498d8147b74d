"""What a browser may send to the pages of Dagit and MLflow: only what these pages send themselves.

Belongs here: an ASGI middleware that judges Host, Origin, Sec-Fetch headers, methods and content types.
Does not belong here: login (a proxy's work), starting servers (``dagster_internals.web_server``).

Neither Dagit nor MLflow asks who calls. Any page that a browser on this machine shows could therefore change
models: by an image whose address is a mutation, by a form, by a WebSocket, or by a host name that it lets
point to 127.0.0.1 (DNS rebinding).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forecast_assets.settings import settings

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_JSON = ("application/json", "application/graphql")
_REFUSED_SOCKET = 1008
# What is done with models, and MLflow's login. It has doors to files, programs and other servers besides.
_OF_MODELS = re.compile(
    r"/graphql|/(?:ajax-)?api/\d\.0/(?:mlflow-artifacts/(?:artifacts|mpu)/.+|mlflow/[\w/-]+/search"
    r"|mlflow/(?:experiments|runs|registered-models|model-versions|users|roles|permissions)/.+)"
)
_NAMES_A_PLACE = re.compile(r"/(?:ajax-)?api/\d\.0/mlflow/experiments/create")
# No step upwards, and no marks that a URL reads in another way than a path.
_PLAIN_PLACE = re.compile(r"(?!.*\.\.)[^%?#\\\s]+")
_LARGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may be called, and from where.

    ``hosts`` are names without port; ``origins`` are whole (``https://forecasts.example.com``), besides the
    origin of the called page itself. ``health`` are paths that probes call under any name.
    ``json_only`` asks for JSON in every request that may change something, and refuses GraphQL by GET.
    ``changes`` are the only paths where something may be changed, all where unset; the files of an
    experiment may be kept there inside of ``root`` alone, the server's own folder or storage.
    """

    hosts: frozenset[str]
    origins: frozenset[str] = frozenset()
    health: frozenset[str] = frozenset()
    json_only: bool = field(default=False)
    changes: re.Pattern[str] | None = None
    root: str = ""


def allowed_names(pages: str, more: str | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return host names and origins: this machine's own, those of ``pages``, and ``more`` with commas."""
    where = urlsplit(pages)
    named = [name.strip().lower() for name in (more or "").split(",")]
    hosts = LOOPBACK | {name for name in (where.hostname, *named) if name}
    return hosts, frozenset({f"{where.scheme}://{where.netloc}".lower()})


def dagit_rules() -> Allowed:
    """The rules of Dagit as the settings say."""
    hosts, origins = allowed_names(settings().dagit_pages, settings().web_hosts)
    return Allowed(hosts, origins, health=frozenset({"/server_info"}), json_only=True)


def mlflow_rules(root: str = "") -> Allowed:
    """The rules of MLflow's pages as the settings say; ``root`` is where the server keeps files."""
    hosts, origins = allowed_names(settings().mlflow_pages, settings().web_hosts)
    return Allowed(hosts, origins, health=frozenset({"/health", "/version"}), changes=_OF_MODELS, root=root)


class Guard:
    """ASGI middleware that answers 403, 405 or 415 to whatever the rules do not allow."""

    def __init__(self, app: ASGIApp, rules: Allowed) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is allowed; close any other WebSocket, answer any other request with the reason."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None and self._rules.changes and _NAMES_A_PLACE.fullmatch(scope["path"]):
            body = await _body(receive)
            refusal, receive = _placed(body, self._rules.root), _again(body, receive)
        if refusal is None:
            await self._app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _REFUSED_SOCKET})
        else:
            status, reason = refusal
            await PlainTextResponse(f"refused: {reason}\n", status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers, method = Headers(scope=scope), scope.get("method", "GET")
        if method in _READING and scope["type"] == "http" and scope["path"] in self._rules.health:
            return None
        for reason in (
            _foreign_host(headers.getlist("host"), self._rules.hosts),
            _foreign_origin(headers, self._rules.origins),
            _foreign_page(headers, scope),
        ):
            if reason:
                return 403, reason
        if self._rules.json_only and scope["type"] == "http":
            return _not_json(scope, headers, method)
        if (
            method not in _READING
            and self._rules.changes
            and not self._rules.changes.fullmatch(scope["path"])
        ):
            return 403, "this changes no model, run or experiment"
        return None


def _foreign_host(named: Iterable[str], hosts: frozenset[str]) -> str | None:
    names = list(named)
    if len(names) == 1 and _hostname(names[0]) in hosts:
        return None
    return "Host is none of this server's names; FORECAST_WEB_HOSTS adds some"


def _hostname(authority: str) -> str | None:
    try:
        where = urlsplit(f"//{authority}")
        _ = where.port
    except ValueError:
        return None
    return where.hostname if where.netloc == authority and "@" not in authority else None


def _foreign_origin(headers: Headers, origins: frozenset[str]) -> str | None:
    for origin in headers.getlist("origin"):
        scheme, _, authority = origin.lower().partition("://")
        own = scheme in {"http", "https"} and authority == headers["host"].lower()
        if not own and origin.lower() not in origins:
            return "Origin is another site's; FORECAST_DAGIT_URL and FORECAST_MLFLOW_URL name this one's"
    return None


def _foreign_page(headers: Headers, scope: Scope) -> str | None:
    """A browser says when another page caused a request. A link to a whole page is all it may cause."""
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return None
    link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if link and scope["type"] == "http" and scope["method"] in _READING:
        return None
    return "another site's page caused this request"


def _not_json(scope: Scope, headers: Headers, method: str) -> tuple[int, str] | None:
    if method in _READING:
        graphql = scope["path"].rstrip("/").endswith("/graphql")
        playground = "text/html" in headers.get("accept", "") and not scope["query_string"]
        return (405, "GraphQL is asked by POST") if graphql and not playground else None
    if headers.get("content-type", "").partition(";")[0].strip().lower() in _JSON:
        return None
    return 415, "send application/json"


async def _body(receive: Receive) -> bytes | None:
    """The whole body of a request, or nothing where it is too long or its sender has left."""
    body = bytearray()
    while len(body) <= _LARGEST_BODY:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)
    return None


def _placed(body: bytes | None, root: str) -> tuple[int, str] | None:
    """Where MLflow keeps files is the server's setting: in any other place somebody reads and writes."""
    try:
        fields = json.loads(body or b"")
        while isinstance(fields, str):  # as MLflow reads what is encoded twice
            fields = json.loads(fields)
        places = [str(place) for name, place in fields.items() if place and _is_place(name)]
    except (ValueError, RecursionError, AttributeError):
        return 400, "send a JSON object"
    if all(root and place.startswith(f"{root}/") and _PLAIN_PLACE.fullmatch(place) for place in places):
        return None
    return 403, "artifact_location is set by the server"


def _is_place(name: str) -> bool:
    return name.replace("_", "").lower() == "artifactlocation"


def _again(body: bytes | None, receive: Receive) -> Receive:
    """Give what was read to who comes next."""
    messages: list[Message] = [{"type": "http.request", "body": body or b""}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def _unframed(send: Send) -> Send:
    """No other site may show these pages in a frame and let people click on what they do not see."""

    async def with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("X-Frame-Options", "SAMEORIGIN")
        await send(message)

    return with_header

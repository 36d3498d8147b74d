"""The guard in front of Dagit and MLflow: what a browser may send, request by request."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from forecast_assets.dagster_internals.web_server import GuardedWebserver, error_of, report_page
from forecast_assets.errors import BadSetting
from forecast_assets.web.guard import Guard, dagit_rules, mlflow_rules
from forecast_assets.web.ports import take_port
from forecast_assets.web.unguarded import unguarded_servers
from forecast_assets_tests.dagit import until

ROOT = Path(__file__).parents[2]
HERE = "127.0.0.1:3000"
JSON = {"content-type": "application/json"}
OWN = {"host": HERE, "origin": f"http://{HERE}"}
PAGES = {"dagit": dagit_rules, "mlflow": mlflow_rules}


async def page(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that answers everything."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


def answer(rules, method="GET", path="/", query="", *, kind="http", body=b"", **headers: str) -> int:
    """The status of the guarded application; of a WebSocket 0 if it is passed on, 1008 if it is closed."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def socket_opens(_scope: Scope, _receive: Receive, sending: Send) -> None:
        await sending({"type": "websocket.accept", "code": 0})

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "path": path, "query_string": query.encode(), "headers": named}
    scope |= {"method": method} if kind == "http" else {}
    asyncio.run(Guard(page if kind == "http" else socket_opens, rules)(scope, receive, send))
    return sent[0]["status"] if kind == "http" else sent[0]["code"]


@pytest.fixture(params=sorted(PAGES))
def rules(request):
    return PAGES[request.param]()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:3000", "localhost:3000", "LOCALHOST:3000", "[::1]:3000", "127.0.0.1", "localhost:1"],
)
def test_this_machine_is_called_by_its_own_names(rules, host):
    assert answer(rules, host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "10.evil.example",
        "localhost.evil.example:3000",
        "localhost.",
        "evil.example@127.0.0.1",
        "127.0.0.1/evil",
        "127.0.0.1 evil",
        "127.0.0.1:port",
        "[::1",
        "0.0.0.0:3000",
        "2130706433",
        "",
    ],
)
def test_a_name_that_somebody_let_point_here_is_refused(rules, host):
    assert answer(rules, host=host) == 403
    assert answer(rules, kind="websocket", host=host) == 1008


def test_a_request_without_a_name_is_refused(rules):
    assert answer(rules) == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://evil.example:3000",
        "null",
        "file://",
        "http://localhost:3000",
        "http://127.0.0.1:8888",
        "http://127.0.0.1",
        "http://127.0.0.1:3000.evil.example",
        "ftp://127.0.0.1:3000",
        "",
    ],
)
def test_another_sites_page_may_neither_ask_nor_open_a_socket(rules, origin):
    assert answer(rules, "POST", "/graphql", host=HERE, origin=origin, **JSON) == 403
    assert answer(rules, "GET", "/ajax-api/2.0/mlflow/experiments/search", host=HERE, origin=origin) == 403
    assert answer(rules, kind="websocket", path="/graphql", host=HERE, origin=origin) == 1008


def test_the_pages_own_requests_and_those_of_programs_pass(rules):
    assert answer(rules, "POST", "/graphql", sec_fetch_site="same-origin", **OWN, **JSON) == 200
    assert answer(rules, "POST", "/graphql", host=HERE, **JSON) == 200
    assert answer(rules, kind="websocket", path="/graphql", **OWN) == 0
    assert answer(rules, kind="websocket", path="/graphql", host=HERE) == 0


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "target"),
    [
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("cors", "empty"),
        ("navigate", "iframe"),
        ("navigate", "object"),
        ("websocket", "websocket"),
    ],
)
def test_what_another_page_embeds_is_refused(rules, site, mode, target):
    sent = {"sec_fetch_site": site, "sec_fetch_mode": mode, "sec_fetch_dest": target, "host": HERE}
    assert answer(rules, **sent) == 403
    assert answer(rules, kind="websocket", **sent) == 1008


def test_a_link_from_a_message_opens_a_page_and_a_form_does_not(rules):
    sent = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert answer(rules, path="/runs/1", host=HERE, **sent) == 200
    assert answer(rules, "POST", "/runs/1", host=HERE, **sent, **JSON) == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ajax-api/2.0/mlflow/registered-models/alias", 200),
        ("/api/2.0/mlflow/runs/log-batch", 200),
        ("/api/2.0/mlflow-artifacts/artifacts/1/a/MLmodel", 200),
        ("/ajax-api/3.0/mlflow/traces/search", 200),
        ("/ajax-api/3.0/mlflow/assistant/message", 403),
        ("/ajax-api/2.0/mlflow/upload-artifact", 403),
        ("/ajax-api/2.0/mlflow/gateway-proxy", 403),
        ("/api/2.0/mlflow/webhooks", 403),
        ("/ajax-api/3.0/jobs/", 403),
        ("/gateway/proxy/x/search", 403),
        ("/v1/traces", 403),
        ("//api/2.0/mlflow/runs/create", 403),
    ],
)
def test_mlflow_is_left_with_its_doors_to_models_alone(path, status):
    assert answer(mlflow_rules(), "POST", path, host=HERE, **JSON) == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"name": "mine"}', 200),
        (b'{"name": "mine", "artifact_location": ""}', 200),
        (b'{"name": "mine", "artifact_location": "file:///etc"}', 403),
        (b'{"name": "mine", "artifactLocation": "s3://others"}', 403),
        (b'"{\\"artifact_location\\": \\"/etc\\"}"', 403),
        (b'{"name": "mine", "artifact_location": "/lake/models/shop"}', 200),
        (b'{"name": "mine", "artifact_location": "/lake/models/../../etc"}', 403),
        (b'{"name": "mine", "artifact_location": "/lake/models/%2e%2e/x"}', 403),
        (b'{"name": "mine", "artifact_location": "/lake/modelsother"}', 403),
        (b'{"artifactLocation": "/etc", "artifact_location": "/lake/models/shop"}', 403),
        (b"[]", 400),
        (b"name=mine", 400),
        (b"", 400),
        (b"[" * 100_000, 400),
        (b" " * 2_000_000, 400),
    ],
)
def test_the_files_of_an_experiment_stay_in_the_folder_of_mlflows_server(body, status):
    create = "/api/2.0/mlflow/experiments/create"
    assert answer(mlflow_rules("/lake/models"), "POST", create, body=body, host=HERE, **JSON) == status


def test_dagit_shows_no_notebook_of_the_machine():
    request = Request({"type": "http", "query_string": b"path=/tmp/evil.ipynb&repoLocName=ours"})
    page_of_notebook = GuardedWebserver.download_notebook(object.__new__(GuardedWebserver), request)
    assert asyncio.run(page_of_notebook).status_code == 404


def test_graphql_by_get_is_refused_whatever_it_asks():
    for accepted in ("image/avif,image/webp,*/*", "text/html"):
        query = "query=mutation{terminateRun(runId:1){__typename}}"
        assert answer(dagit_rules(), "GET", "/graphql", query, host=HERE, accept=accepted) == 405
        assert answer(dagit_rules(), "HEAD", "/prefix/graphql/", query, host=HERE, accept=accepted) == 405
    assert answer(dagit_rules(), "GET", "/graphql", host=HERE, accept="text/html") == 200


@pytest.mark.parametrize(
    "content", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_what_a_form_can_send_is_refused(content):
    for path in ("/graphql", "/report_asset_materialization/champion"):
        assert answer(dagit_rules(), "POST", path, "query=mutation", host=HERE, content_type=content) == 415


def test_probes_call_under_any_name_and_change_nothing():
    assert answer(dagit_rules(), "GET", "/server_info", host="10.1.2.3:80") == 200
    assert answer(dagit_rules(), "POST", "/server_info", host="10.1.2.3:80", **JSON) == 403
    assert answer(mlflow_rules(), "GET", "/health", host="10.1.2.3:5000") == 200


def test_names_of_a_deployment_are_let_in(monkeypatch):
    monkeypatch.setenv("FORECAST_DAGIT_URL", "https://forecasts.example.com/dagit")
    monkeypatch.setenv("FORECAST_WEB_HOSTS", "mlflow, Web.internal")
    rules = dagit_rules()
    assert answer(rules, host="forecasts.example.com") == 200
    assert answer(rules, host="web.internal:3000") == 200
    own = {"origin": "https://forecasts.example.com", "host": "web.internal:3000"}
    assert answer(rules, "POST", "/graphql", **own, **JSON) == 200
    assert answer(rules, "POST", "/graphql", **own | {"origin": "https://example.com"}, **JSON) == 403


def test_a_port_in_use_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSetting) as refused:
            take_port("127.0.0.1", port)
    assert refused.value.problem == f"port {port} of 127.0.0.1 is in use"
    assert f"--port {port + 1}" in refused.value.remedy


@pytest.mark.parametrize("command", ["dev", "web", "mlflow"])
def test_every_server_says_so_and_leaves(command, tmp_path):
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = [sys.executable, "-m", "forecast_assets", command, "--port", str(port)]
        environment = {**os.environ, "DAGSTER_HOME": str(tmp_path)}
        done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"BadSetting: port {port} of 127.0.0.1 is in use"
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("words", [("dagster_webserver",), ("dagster", "dev")])
def test_a_bare_web_server_is_found_by_its_instance(words, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    # What starts it is what it is known by; that it serves nothing here spares a database.
    program = [sys.executable, "-m", *words, "-p", "0", "-w", "missing.yaml"]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    with subprocess.Popen(program, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        until("the process is there", lambda: unguarded_servers(home) or process.poll() is not None, 20)
        servers = unguarded_servers(home)
        elsewhere = unguarded_servers(tmp_path)
        process.terminate()
    assert process.pid in servers
    assert elsewhere == []


def test_a_report_is_served_in_an_origin_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "shop.html").write_text("<!doctype html>")

    def opened(dataset: str):
        return report_page(Request({"type": "http", "path_params": {"dataset": dataset}}))

    page = opened("shop")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "same-origin" not in policy
    assert opened("..").status_code == opened("nosuch").status_code == 404


@pytest.mark.parametrize("error", [BadSetting("no plan yet", remedy="make one"), ValueError("odd")])
def test_dagit_shows_a_refusal_without_a_stack_and_a_defect_with_it(error):
    with pytest.raises(type(error)) as raised:
        raise error
    shown = error_of((raised.type, raised.value, raised.tb))
    refused = isinstance(error, BadSetting)
    assert (shown.resolve_message(None) == "no plan yet\n  -> make one") == refused
    assert (shown.resolve_stack(None) == []) == refused

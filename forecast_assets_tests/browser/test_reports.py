"""Pages made of hostile names, in a real browser: nothing of them runs."""

import datetime as dt
import shutil
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from forecast_assets.reports.incident_report import as_page
from forecast_assets.reports.operations import Attention, Summary

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)"
)
NOW = dt.datetime(2026, 2, 3, tzinfo=dt.UTC)
EVIL = [
    "<script>window.evil = 1</script>",
    "</title><script>window.evil = 1</script>",
    "<img src=x onerror='window.evil = 1'>",
    '"><svg onload=window.evil=1>',
    "<iframe srcdoc='<script>parent.evil = 1</script>'>",
    "javascript:window.evil=1",
    "<style>@import 'http://evil.example/x.css'</style>",
]


def summary(text: str) -> Summary:
    """A summary in which every text is ``text``."""
    return Summary(
        at=NOW,
        dataset=text,
        jobs=dict.fromkeys(("pending", "running", "failed", "succeeded"), 1),
        completed_today=1,
        newest_success=NOW,
        newest_end=NOW,
        runs={"success": 1, "failed": 1, "unusable": 1},
        newest_evaluation=NOW,
        newest_sales=NOW.date(),
        forecasts=1,
        outdated=[],
        live=[],
        attention=[Attention("incident", text, text, text, NOW, text, text)],
        health=[],
        queue=[],
    )


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        yield browser
        browser.close()


@pytest.mark.parametrize("escaped", [True, False])
def test_no_script_of_a_name_runs_in_the_html_report(escaped, browser):
    """Once as it is written, once with every escape undone, as if one had been forgotten."""
    pages = [as_page(summary(text), [(text, "data:image/png;base64,")]).encode() for text in EVIL]
    if not escaped:
        undone = (b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&#x27;", b"'")
        for code, sign in undone:
            pages = [page.replace(code, sign) for page in pages]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages[int(self.path.strip("/"))])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        request_urls: list[str] = []
        page.on("request", lambda request: request_urls.append(request.url))
        for number in range(len(pages)):
            address = f"http://127.0.0.1:{server.server_port}/{number}"
            page.goto(address, wait_until="networkidle")
            assert page.get_by_text("System Health").count() == 1
            assert page.evaluate("window.evil") is None
            if escaped:
                assert {url for url in request_urls if not url.startswith("data:")} == {address}
            request_urls.clear()
        server.shutdown()

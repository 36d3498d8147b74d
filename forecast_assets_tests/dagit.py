"""Asking a web server of Dagster what a browser would ask it.

Belongs here: GraphQL over loopback, and waiting for what must happen.
Does not belong here: starting servers, and tests.
"""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import dagster as dg

PATIENCE = 300


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def until(what: str, answer: Callable[[], object], patience: float = PATIENCE) -> object:
    """Wait for a condition, and say which one never came true."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        value = answer()
        if value:
            return value
        time.sleep(0.3)
    raise AssertionError(f"{what} did not happen within {patience} seconds")


def unbroken(table: dg.TableMetadataValue) -> int:
    """Characters that a table needs at least: Dagit wraps at blanks only, and hides what does not fit."""
    width = 0
    for column in table.schema.columns:
        words = [word for row in table.records for word in str(row.data[column.name]).split()]
        width += max(map(len, [column.name, *words])) + 2
    return width


class Dagit:
    """A running web server."""

    def __init__(self, port: int, home: Path = Path()) -> None:
        self.url, self.home = f"http://127.0.0.1:{port}", home

    def ask(self, query: str, **variables: object) -> dict:
        """The data of an answer without errors."""
        response = self.answer(query, **variables)
        assert not response.get("errors"), response
        return response["data"]

    def answer(self, query: str, **variables: object) -> dict:
        """Data and errors, as the server told them."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
                return json.load(answer)
        except HTTPError as error:  # told in the body like any other answer
            return json.load(error)

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/server_info", timeout=5):  # noqa: S310 - loopback
                return True
        except (URLError, OSError):
            return False

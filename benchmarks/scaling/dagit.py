"""Dagit's page of an asset with one partition per series: how long do its questions take?

Belongs here: starting a webserver on a home and asking what the browser asks.
Does not belong here: drawing the page.

The questions are those of Dagit's JavaScript (dagster-webserver 1.13): PartitionHealthQuery,
LatestAssetPartitionsQuery, AssetPartitionDetailQuery, AssetPartitionStaleQuery and the live counts.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

import psutil

from scaling.home import Home
from scaling.meters import BENCHMARKS, Failed

_HOST = "127.0.0.1"
_PATIENCE = 180  # seconds until the code location is loaded
_ASSET = {"path": ["backtest"]}
_READY = "query Ready($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { __typename } }"
_QUESTIONS = {
    "counts": """
        query Counts($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode { id
          partitionStats { numMaterialized numMaterializing numPartitions numFailed } } } }""",
    "statuses": """
        query PartitionHealthQuery($asset: AssetKeyInput!) {
          assetNodeOrError(assetKey: $asset) { ... on AssetNode { id
            partitionKeysByDimension { name type partitionKeys }
            assetPartitionStatuses {
              ... on TimePartitionStatuses { ranges { status startTime endTime startKey endKey } }
              ... on DefaultPartitionStatuses {
                materializedPartitions materializingPartitions failedPartitions }
              ... on MultiPartitionStatuses { primaryDimensionName }
            } } } }""",
    "keys": """
        query LatestAssetPartitionsQuery($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
          ... on AssetNode { id partitionKeyConnection(limit: 100, ascending: false) { results } } } }""",
    "one partition": """
        query AssetPartitionDetailQuery($asset: AssetKeyInput!, $key: String!) {
          assetOrError(assetKey: $asset) { ... on Asset { id
            definition { id opNames latestRunForPartition(partition: $key) { id status endTime } }
            assetEventHistory(partitions: [$key], limit: 1000,
                eventTypeSelectors: [MATERIALIZATION, OBSERVATION, FAILED_TO_MATERIALIZE]) {
              results { ... on MaterializationEvent {
                partition runId timestamp stepKey label description tags { key value }
                runOrError { ... on PipelineRun { id mode status pipelineName pipelineSnapshotId } }
                metadataEntries { label description ... on FloatMetadataEntry { floatValue }
                  ... on TextMetadataEntry { text } ... on IntMetadataEntry { intValue } }
                assetLineage { assetKey { path } partitions }
              } } } } } }""",
    "is it stale": """
        query AssetPartitionStaleQuery($asset: AssetKeyInput!, $key: String!) {
          assetNodeOrError(assetKey: $asset) { ... on AssetNode { id
            staleStatus(partition: $key)
            staleCauses(partition: $key) { key { path } reason category dependency { path } } } } }""",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Seconds of every question, one after the other, just after the start and once more."""

    first: dict[str, float]
    warm: dict[str, float]


def page(home: Home, series: int) -> Page:
    """Ask everything twice. Raises ``Failed`` when an answer is wrong."""
    with _webserver(home) as port:
        return Page(_request_of(port, series), _request_of(port, series))


def _request_of(port: int, series: int) -> dict[str, float]:
    took, key = {}, ""
    for name, question in _QUESTIONS.items():
        clock = time.perf_counter()
        answer = _answer(port, question, asset=_ASSET, key=key)
        took[name] = time.perf_counter() - clock
        if name == "counts":
            _expect(answer["assetNodeOrError"]["partitionStats"]["numMaterialized"], series)
        elif name == "statuses":
            green = answer["assetNodeOrError"]["assetPartitionStatuses"]["materializedPartitions"]
            _expect(len(green), series)
            key = green[series // 2]
        elif name == "one partition":
            _expect(len(answer["assetOrError"]["assetEventHistory"]["results"]), 1)
    return took


def _expect(actual: int, expected: int) -> None:
    if actual != expected:
        raise Failed(f"Dagit tells {actual} instead of {expected}")


def _answer(port: int, question: str, **values: object) -> dict[str, Any]:
    connection = HTTPConnection(_HOST, port, timeout=_PATIENCE)
    try:
        body = json.dumps({"query": question, "variables": values})
        connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
        answer = json.load(connection.getresponse())
    finally:
        connection.close()
    if answer.get("errors") or not answer.get("data"):
        raise Failed(f"Dagit refuses: {json.dumps(answer)[:1000]}")
    data: dict[str, Any] = answer["data"]
    return data


@contextmanager
def _webserver(home: Home) -> Iterator[int]:
    """Run a webserver on ``home`` until the block ends; return its port when the assets are loaded."""
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port = int(free.getsockname()[1])
    command = ["-m", "dagster_webserver", "-m", "forecast_assets.definitions"]
    command += ["-h", _HOST, "-p", str(port), "--read-only"]
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(
        [sys.executable, *command], env=home.environment, cwd=BENCHMARKS, stdout=nowhere, stderr=nowhere
    ) as process:
        family = psutil.Process(process.pid)
        started: list[psutil.Process] = []
        try:
            _wait(process, port)
            started = family.children(recursive=True)
            yield port
        finally:
            for one in (family, *started):
                with suppress(psutil.NoSuchProcess):
                    one.terminate()
            _, alive = psutil.wait_procs(started, timeout=10)
            for child in alive:
                child.kill()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Return when the webserver knows the asset. Raises ``Failed`` when it ended or never does."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if _answer(port, _READY, asset=_ASSET)["assetNodeOrError"]["__typename"] == "AssetNode":
                return
        except (OSError, HTTPException, ValueError, Failed):
            pass  # not yet
        time.sleep(0.1)
    raise Failed("the webserver does not come up")

"""Every command of the documents, run as it stands there, in one home and in the order of a reader.

Only placeholders are filled in, and ``--wait`` stands for the daemon that a reader has running.
"""

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from forecast_assets_tests.cli.conftest import Answer, cli  # noqa: F401 - a fixture
from forecast_assets_tests.test_documents import TEXTS, commands
from forecast_assets_tests.test_tutorial import PROGRAMS

pytestmark = pytest.mark.deployment

# Kept running until somebody stops it, and a role that only an administrator can make: tests of services.
# Work that waits in a running batch, and work that failed: tests of launched work.
ELSEWHERE = {
    "forecast-assets web",
    "forecast-assets batch prioritise RUN_ID --priority 2",
    "forecast-assets retry RUN_ID",
    "forecast-assets dev",
    "forecast-assets mlflow",
    "forecast-assets state prepare --role forecast_run",
}
READ = ("README", "data", "evaluating", "exports", "python", "settings", "tutorial", "models", "registry",
        "launched", "operations", "presets", "scaling", "runbook", "reliability")  # fmt: skip
# They take a file of stock or of candidates, services, or other libraries, and have tests of their own.
TESTED_ALONE = {"stock", "candidates", "deployment", "comparison"}
LAUNCHES = ("submit ", "retry ", "workspace replay ")
KEY = "shop__S1__P1"


def lines(document: str) -> list[str]:
    """The commands of a document, each once, without options in brackets and those of files to be fetched."""
    command_lines = [line for line in commands(TEXTS[f"{document}.md"]) if " public/" not in line]
    return list(dict.fromkeys(re.sub(r" \[.*", "", line) for line in command_lines))


@dataclass
class Reader:
    """Somebody who types what the documents say, and fills in what a placeholder asks for."""

    cli: Callable[..., Answer]
    names: dict[str, str]
    done: dict[str, Answer] = field(default_factory=dict)

    def types(self, line: str) -> Answer:
        """Run a line; it must end well."""
        words = [self.names.get(word, word) for word in shlex.split(line, comments=True)[1:]]
        waits = line.removeprefix("forecast-assets ").startswith(LAUNCHES)
        answer = self.cli(*words, *(["--wait"] if waits else []))
        assert answer.code == 0, f"{line}: {answer.err or answer.out}"
        self.done[line] = answer
        return answer

    def prepares(self, line: str) -> None:
        """What the documents take for granted before a line."""
        if line.startswith("forecast-assets plan compare"):
            self.types(SAVED.replace("july", "august"))
        elif line.startswith("forecast-assets cancel"):
            batch = ("submit", "batch", "shop", "--scope", "all", "--candidates", "naive")
            self.names["RUN_ID"] = self.cli(*batch).out.strip()
        elif "RUN_ID" in line:  # only a batch has items, and only what ended can be tried again
            kind = "batch" if "batch-items" in line else "compare"
            launched = f"forecast-assets submit {kind}"
            self.names["RUN_ID"] = next(
                answer.out.strip() for done, answer in self.done.items() if done.startswith(launched)
            )
        elif line.startswith("forecast-assets workspace") and "WORKSPACE" not in self.names:
            self.names["WORKSPACE"] = self.workspaces()[0]
        elif line.startswith("forecast-assets workspace compare"):
            (self.names["OTHER"],) = set(self.workspaces()) - {self.names["WORKSPACE"]}
        elif line.startswith("forecast-assets dataset add"):
            self.cli("dataset", "remove", shlex.split(line)[3], "--yes")
        elif line.startswith("forecast-assets dataset sample"):
            Path(shlex.split(line)[3]).unlink(missing_ok=True)

    def workspaces(self) -> list[str]:
        return [row["workspace_id"] for row in self.cli("workspace", "list", "--format", "json").rows]


SAVED = next(line for line in lines("models") if "--save july" in line)


def test_every_documented_command_ends_well(cli, mlflow_beside, monkeypatch):  # noqa: F811
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    reader = Reader(cli, {"DATASET": "shop", "KEY": KEY, "FOLDER": "backups/monday", "3": "1"})
    refused = []
    with mlflow_beside(os.environ["FORECAST_DATABASE_URL"]):
        for document in READ:
            for line in lines(document):
                if line not in ELSEWHERE:
                    try:
                        reader.prepares(line)
                        reader.types(line)
                    except Exception as error:  # noqa: BLE001 - all lines are tried, and told at the end
                        refused.append(f"{document}: {line}: {error}")
    assert not refused, "\n".join(refused)
    monkeypatch.setenv("MPLBACKEND", "agg")
    exec(PROGRAMS[0], {})  # noqa: S102 - ours, of the comparison with other libraries
    assert Path("champions.png").stat().st_size > 0
    names = {document.removesuffix(".md") for document in TEXTS} - TESTED_ALONE
    every_line = {line for name in names for line in lines(name)}
    assert every_line - ELSEWHERE <= set(reader.done)

"""What is installed and what is sent home: locks, the installer's commands, telemetry."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


def locked(name: str) -> dict[str, int]:
    """Hashes of each package of a lock file, by its plain name."""
    entries = re.findall(
        r"^([\w.-]+)(?:\[[^]]*\])?==\S+((?:.*\\\n)*.*)$",
        (ROOT / "requirements" / name).read_text(),
        re.MULTILINE,
    )
    return {plain(package): rest.count("--hash=sha256:") for package, rest in entries}


def plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize("lock", ["base.txt", "dev.txt", "notebooks.txt"])
def test_every_requirement_is_locked_with_hashes(lock):
    hashes = locked(lock)
    assert len(hashes) > 50
    assert [package for package, count in hashes.items() if not count] == []
    setup = (ROOT / "setup.py").read_text()
    needed = re.findall(r'"([A-Za-z][\w.-]*)(?:\[[^]]*\])?[<>=~]', setup.partition("STATS = ")[0])
    assert len(needed) > 10
    if lock == "base.txt":
        assert {plain(package) for package in needed} <= set(hashes)


def test_make_installs_only_what_is_locked():
    lines = re.findall(r"^\t.*\bpip install (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    ours = [line for line in lines if ".venv-peers" not in line]
    free = [line for line in ours if "--require-hashes" not in line and "--no-deps" not in line]
    assert [line.split()[-1] for line in free] == ["uv"], "the installer of all others"


def test_ci_audits_what_users_install_and_fails_where_it_cannot_look():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert jobs["audit"]["steps"][-1] == {"run": "make audit"}, "its failure fails the job"
    (command,) = re.findall(r"^audit:.*\n\t(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"--strict", "requirements/base.txt", "--require-hashes"} <= set(command.split())


def test_telemetry_is_off_wherever_dagster_or_mlflow_is_started():
    for file in ("dagster.yaml", "deploy/dagster.yaml", "deploy/kubernetes/dagster.yaml"):
        settings = yaml.safe_load((ROOT / file).read_text())
        assert settings["telemetry"] == {"enabled": False}, file
    script = "import os; from forecast_assets.stores.mlflow_backend import configure; configure()"
    script += "; from mlflow.telemetry.utils import is_telemetry_disabled as off; print(off())"
    clean = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name and name != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "True"

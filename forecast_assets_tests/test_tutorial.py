"""The commands of the tutorial and of the runbook, run as they stand there."""

import re
import shlex
from pathlib import Path

from forecast_assets_tests.cli.conftest import cli  # noqa: F401 - a fixture
from forecast_assets_tests.scenario import many

DOCS = Path(__file__).parents[1] / "docs"


def commands(document: str) -> list[list[str]]:
    """The command lines of a document, without the name of the program."""
    text = (DOCS / f"{document}.md").read_text()
    return [shlex.split(line)[1:] for line in re.findall(r"^    (forecast-assets .+)$", text, re.MULTILINE)]


def test_the_tutorial_leads_from_a_file_to_a_trimmed_backup(cli, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    many(4, dataset="shop").write_csv(tmp_path / "sales.csv")
    told = {" ".join(words): cli(*words) for words in commands("tutorial")}
    assert len(told) >= 8
    assert {line: answer.err for line, answer in told.items() if answer.code != 0} == {}
    assert (tmp_path / "champions.csv").read_text().count("\n") == 5
    assert (tmp_path / "forecasts.csv").read_text().count("shop__") >= 4
    assert (tmp_path / "backups" / "first" / "manifest.json").exists()

    kept = [words for words in commands("runbook") if words[1] != "restore"]
    assert {words[1]: cli(*words).code for words in kept} == dict.fromkeys([words[1] for words in kept], 0)
    (restore,) = [words for words in commands("runbook") if words[1] == "restore"]
    assert cli(*restore).code == 0
    assert cli(*commands("tutorial")[2]).code == 0, "the restored state works"

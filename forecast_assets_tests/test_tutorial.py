"""The commands of the tutorial and of the runbook, run as they stand there."""

import re
import shlex
from pathlib import Path

import pytest

from forecast_assets_tests.cli.conftest import cli  # noqa: F401 - a fixture

DOCS = Path(__file__).parents[1] / "docs"
SAMPLE = DOCS.parent / "forecast_assets" / "data" / "shop" / "sales.csv"
SERIES = 12
COMPARISON = (DOCS / "comparison.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.+?)^```", COMPARISON, re.MULTILINE | re.DOTALL)


def commands(document: str) -> list[list[str]]:
    """The command lines of a document, without the name of the program."""
    text = (DOCS / f"{document}.md").read_text()
    return [shlex.split(line)[1:] for line in re.findall(r"^    (forecast-assets .+)$", text, re.MULTILINE)]


def test_the_tutorial_leads_from_a_file_to_a_trimmed_backup(cli, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    steps = commands("tutorial")
    answers = {" ".join(words): cli(*words) for words in steps}
    assert len(answers) >= 11
    assert {line: answer.err for line, answer in answers.items() if answer.code != 0} == {}
    assert (tmp_path / "champions.csv").read_text().count("\n") == 1 + SERIES
    assert (tmp_path / "forecasts.csv").read_text().count("shop__") >= SERIES
    assert (tmp_path / "backups" / "first" / "manifest.json").exists()

    sales = (tmp_path / "sales.csv").read_bytes()
    again = cli(*steps[1])
    assert (again.code, "sales.csv exists" in again.err) == (2, True)
    assert (tmp_path / "sales.csv").read_bytes() == sales
    (add,) = [answer for line, answer in answers.items() if line.startswith("dataset add")]
    assert add.err.count("plan known for 28 days after the newest sale") == 2

    kept = [words for words in commands("runbook") if words[1] != "restore"]
    assert {words[1]: cli(*words).code for words in kept} == dict.fromkeys([words[1] for words in kept], 0)
    (restore,) = [words for words in commands("runbook") if words[1] == "restore"]
    assert cli(*restore).code == 0
    (show,) = [words for words in steps if words[:2] == ["dataset", "show"]]
    assert cli(*show).code == 0, "the restored state works"


@pytest.mark.parametrize("document", ["README.md", "docs/tutorial.md"])
def test_lines_of_the_sample_are_its_lines(document):
    sales = SAMPLE.read_text().splitlines()
    quoted = re.findall(r"^    (store_id,.+|S\d,P\d,.*)$", (DOCS.parent / document).read_text(), re.MULTILINE)
    assert len(quoted) == 5
    assert quoted[0] == sales[0]
    first = sales.index(quoted[1])
    assert sales[first : first + 4] == quoted[1:]


def test_the_comparison_counts_the_lines_of_its_programs():
    lines = [int(count) for count in re.findall(r"^\| [\w .-]+ \| (\d+) \|", COMPARISON, re.MULTILINE)]
    assert lines == [sum(bool(line.strip()) for line in program.splitlines()) for program in PROGRAMS]
    assert len(lines) == 4

"""What the documents say exists: commands, targets, settings, files."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main
import yaml

from forecast_assets.cli.app import app
from forecast_assets.settings import Settings
from forecast_assets_tests import pictures

ROOT = Path(__file__).parents[1]
AT_THE_TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
DOCUMENTS = [*(ROOT / name for name in AT_THE_TOP), *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.name: path.read_text() for path in DOCUMENTS}
ALL = "\n".join(TEXTS.values())


def commands(text: str) -> list[str]:
    """Every ``forecast-assets ...`` of a code line or of inline code, in the order of the text."""
    matches = re.findall(r"^    (forecast-assets .+)$|`(forecast-assets [^`]+)`", text, re.MULTILINE)
    return [line or inline for line, inline in matches]


@pytest.mark.parametrize("line", sorted({re.sub(r"[\[\]]", "", line) for line in commands(ALL)}))
def test_command_and_its_options_exist(line):
    _, *words = shlex.split(line)
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, line
        command = command.commands[name]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, line


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert (
        set(re.findall(r"(?:`|^    )(?:FORECAST_SCREENSHOTS=\S+ )?make ([a-z-]+)", ALL, re.MULTILINE))
        <= targets
    )


def test_the_readme_is_read_in_one_go():
    assert len(TEXTS["README.md"].splitlines()) < 150


def test_settings_table_is_complete_and_true():
    documented_settings = set(re.findall(r"^\| `FORECAST_([A-Z_]+)`", TEXTS["settings.md"], re.MULTILINE))
    assert documented_settings == {name.upper() for name in Settings.model_fields}


def test_every_picture_is_used_and_is_the_one_whose_words_are_stored():
    taken = {picture.stem: picture for picture in pictures.FOLDER.glob("*.png")}
    assert {f"images/{name}.png" for name in taken} == set(re.findall(r"images/[a-z_]+\.png", ALL))
    digests = {name: pictures.digest(picture.read_bytes()) for name, picture in taken.items()}
    assert digests == {name: page["sha256"] for name, page in pictures.stored().items()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target.partition("#")[0]).exists(), target


def test_named_tests_exist():
    defined = {
        name
        for path in (ROOT / "forecast_assets_tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+)`", ALL))
    assert len(named) > 80
    assert named <= defined


def test_named_files_exist():
    named = re.findall(
        r"`((?:forecast_assets|benchmarks|deploy|sql|requirements|\.github)[\w./-]*/[\w./-]+)`", ALL
    )
    assert not [name for name in named if not (ROOT / name).exists()]


def test_no_document_is_left_with_a_placeholder():
    assert not re.findall(r"\b(TODO|TBD|FIXME|SCALE_TABLE)\b", ALL)


def test_workflows_run_what_exists_with_actions_pinned_to_commits():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}, path.name
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        for step in steps:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", "any/any@" + "0" * 40)), step
            assert set(re.findall(r"^make ([a-z-]+)", step.get("run", ""))) <= targets, step

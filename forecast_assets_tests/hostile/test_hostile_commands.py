"""Whatever is typed: an answer or a refusal with a remedy, never a traceback, and nothing is written."""

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.cli import main
from forecast_assets.cli.app import app
from forecast_assets_tests.scenario import Place, shop

SPOILT = [
    *("", " ", "-", "--", "..", "../../etc/passwd", "/dev/null", "shop'; drop table champion; --", "=1+1"),
    *("<script>", "[red]x[/]", "%s{0}", "a\nb", "\u202eabc", "\U0001f600", "A" * 10_000),
    *("shop__A__P1...shop__B__P1", "0", "-1", "1e9", "nan", "NULL", "shop"),
]
# These read or write a file, start a server or make a home by design; their own tests break them.
APART = {
    ("dataset", "sample"),
    ("demo",),
    ("dev",),
    ("doctor",),
    ("mlflow",),
    ("web",),
    ("state", "backup"),
    ("state", "restore"),
    ("state", "prepare"),
}

# Whatever they understand they launch, which is work and no refusal.
LAUNCHING = {"submit", "retry"}


def forms(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from forms(inner, (*path, name))
    elif path not in APART and path[0] not in LAUNCHING:
        yield path, command.params


FORMS = list(forms(typer.main.get_command(app)))


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command with hostile words in any of its places."""
    path, parameters = draw(st.sampled_from(FORMS))
    words = list(path)
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            words += draw(st.lists(st.sampled_from(SPOILT), max_size=2))
        elif parameter.name not in {"yes", "help", "apply"} and draw(st.booleans()):
            words.append(parameter.opts[0])
            if not parameter.is_flag:
                words.append(draw(st.sampled_from(SPOILT) | st.text(max_size=5)))
    return words


@pytest.fixture(scope="module")
def filled(open_place, tmp_path_factory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("commands")) as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(place.folder))
        patch.chdir(place.folder)
        place.prepare("shop", shop())
        yield place


def printed(words: list[str], patch: pytest.MonkeyPatch) -> tuple[object, str]:
    err = io.StringIO()
    patch.setattr(sys, "argv", ["forecast-assets", *words])
    patch.setattr(sys, "stderr", err)
    with redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as left:
        main()
    return left.value.code or 0, err.getvalue()


def test_any_words_are_answered_or_refused_and_nothing_is_written(filled):
    before = state(filled)

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(words=lines())
    def tried(words: list[str]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            code, output = printed(words, patch)
        assert code in {0, 1, 2, 3}, output
        assert "Traceback" not in output
        if code == 2:
            assert "->" in output or "Usage" in output or "Error" in output

    tried()
    assert state(filled) == before


def state(place: Place) -> tuple[list[dict], list[str], list[str]]:
    kept = sorted(path.name for path in Path(place.folder).iterdir())
    return place.table("dataset"), place.files(), [name for name in kept if name not in {"storage", "logs"}]

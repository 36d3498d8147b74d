"""Candidates of one's own: the class of the documents is found, forecasts, and travels with its model."""

import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.candidates import catalogue, own
from forecast_assets.forecasting.core.foreign import sandbox
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.prediction import OwnErrors
from forecast_assets.forecasting.version import code_version
from forecast_assets.registry.bundle import Bundle
from forecast_assets.registry.saving import _code

ROOT = Path(__file__).parents[2]
EXAMPLE = re.findall(r"```python\n(.*?)```", (ROOT / "docs/candidates.md").read_text(), re.DOTALL)[0]
LABEL = "trimmed_weekday(weeks=4)"


@pytest.fixture
def shop_candidates(tmp_path, monkeypatch):
    """Write a file of candidates and let it be found; the caches are empty before and after."""

    def write(text, name="shop_candidates.py"):
        path = tmp_path / name
        path.write_text(text)
        monkeypatch.setenv(own.VARIABLE, str(path))
        forget()
        return path

    def forget():
        for cached in (own.own_candidates, catalogue.catalogue, code_version):
            cached.cache_clear()

    yield write
    monkeypatch.undo()
    forget()


def weekly(days=70):
    units = np.tile(np.arange(1, 8, dtype=np.float32), (2, days // 7))
    return Panel(np.array(["shop__A__1", "shop__A__2"]), dt.date(2026, 1, 5), units, {}, {})


def test_the_documented_candidate_forecasts_in_a_process_of_its_own(shop_candidates):
    shop_candidates(EXAMPLE)
    assert catalogue.parse([" trimmed_weekday( weeks = 4 )", "naive"]) == (LABEL, "naive")
    assert catalogue.entry(LABEL).foreign
    assert "without the best and the worst" in catalogue.entry(LABEL).description
    with sandbox() as box:
        forecast = box.predict(LABEL, weekly().take(np.array([0])), np.array([21, 35]), 9, None)
    assert np.isnan(forecast[0, 0]).all()
    assert forecast[0, 1].tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2]


def test_what_a_candidate_does_is_part_of_the_fingerprint_and_what_it_says_is_not(shop_candidates):
    before = code_version()
    shop_candidates(EXAMPLE)
    with_it = code_version()
    shop_candidates(EXAMPLE.replace("Candidates of our shop", "Ours"))
    assert code_version() == with_it != before
    shop_candidates(EXAMPLE.replace("weeks: int = 6", "weeks: int = 5"))
    assert code_version() != with_it


def test_a_bundle_forecasts_with_the_file_that_it_carries(shop_candidates, tmp_path, monkeypatch):
    path = shop_candidates(EXAMPLE)
    data = tmp_path / "data"
    data.mkdir()
    Bundle(weekly(), [LABEL] * 2, {}, None, [OwnErrors()] * 2, horizon=3, window=None).write(data)
    code = _code(tmp_path, [LABEL])
    path.unlink()
    monkeypatch.delenv(own.VARIABLE)
    program = (
        f"import sys; from pathlib import Path; sys.path.insert(0, {str(code.parent)!r})\n"
        "from forecast_assets.registry.bundle import Bundle, __file__ as where\n"
        f"assert where.startswith({str(code)!r}), where\n"
        f"print(Bundle.read(Path({str(data)!r})).curve().tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout.strip() == str([[1.0, 2.0, 3.0]] * 2), done.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 / 0", "cannot be loaded: division by zero"),
        ("x = 1", "holds no class with a method predict"),
        (EXAMPLE.replace('"trimmed_weekday"', '"naive"'), "exists already"),
        (EXAMPLE.replace('"trimmed_weekday"', '"Not a name"'), "has no name of small letters"),
        (EXAMPLE.replace("@dataclass(frozen=True)", ""), "is no dataclass"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_path(shop_candidates, text, problem):
    path = shop_candidates(text)
    with pytest.raises(BadSetting, match=problem) as refused:
        catalogue.parse(["nosuch"])
    assert str(path) in refused.value.problem

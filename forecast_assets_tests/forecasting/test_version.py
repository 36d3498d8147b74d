"""A stored result depends on what the engine's code does, and on none of its words."""

import shutil
from pathlib import Path

import pytest

import forecast_assets.forecasting
from forecast_assets.forecasting.version import code_version, meaning, version_of

ENGINE = Path(forecast_assets.forecasting.__file__).parent

MODULE = '''
"""What this is."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from elsewhere import Panel

LIMIT: int = 3


class Rule:
    """A rule."""

    share: float = 0.5

    def apply(self, value: int) -> int:
        """Return a number."""
        most: int = max(value, LIMIT)
        return most + 1  # the next one
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""What this is."""', '"""Something else."""'),
        ('        """Return a number."""\n', ""),
        ("  # the next one", "  # why"),
        ("    from elsewhere import Panel", "    from elsewhere import Panel, Frame"),
        ("max(value, LIMIT)", "max(\n            value,\n            LIMIT,\n        )"),
        ("most: int = max", "most: float = max"),
        ("most: int = max", "most = max"),
        ("value: int) -> int", 'value: "np.int64") -> float'),
        ("LIMIT: int", "LIMIT: float"),
    ],
)
def test_words_and_annotations_mean_nothing(old, new):
    changed = MODULE.replace(old, new)
    assert changed != MODULE
    assert meaning(changed) == meaning(MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT: int = 3", "LIMIT: int = 4"),
        ("most + 1", "most + 1.0"),
        ("most + 1", "most - 1"),
        ("max(value", "min(value"),
        ("share: float = 0.5", "share: float = 0.6"),
        ("    share: float = 0.5", "    share: float = 0.5\n    other: float = 0.5"),
        ("import numpy as np", "import pandas as np"),
        ("return most + 1", "return None"),
    ],
)
def test_what_could_compute_something_else_does(old, new):
    changed = MODULE.replace(old, new)
    assert changed != MODULE
    assert meaning(changed) != meaning(MODULE)


@pytest.fixture
def engine(tmp_path):
    """A copy of the engine that may be changed."""
    return shutil.copytree(ENGINE, tmp_path / "forecasting", ignore=shutil.ignore_patterns("__pycache__"))


def test_rewritten_words_of_the_engine_and_new_analyses_keep_every_result(engine):
    for module in engine.rglob("*.py"):
        if "analysis" in module.parts:
            module.write_text(module.read_text() + "\n\nEXTRA = 1\n")
        else:
            module.write_text("# Whose is this?\n" + module.read_text().replace('"""', '"""Note: ', 1))
    assert version_of(engine / "core") == code_version()


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("ranking.py", "NEAR_TIE = 0.02", "NEAR_TIE = 0.03"),
        ("decision.py", "0.95: 1.6449", "0.95: 1.6448"),
        ("candidates/ets.py", "import numpy as np", "import numpy as np\nimport math"),
    ],
)
def test_a_changed_constant_of_the_engine_ends_every_result(engine, module, old, new):
    changed = engine / "core" / module
    text = changed.read_text()
    assert old in text
    changed.write_text(text.replace(old, new))
    assert version_of(engine / "core") != code_version()


def test_a_renamed_module_ends_every_result(engine):
    (engine / "core" / "running.py").rename(engine / "core" / "walking.py")
    assert version_of(engine / "core") != code_version()

"""A stored result depends on what the engine's code does, and on none of its words."""

import pytest

from forecast_assets.forecasting.version import meaning

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

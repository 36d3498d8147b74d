"""Numbers keep the digits that say something, in grams and in tonnes."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import forecast_assets
from forecast_assets.rendering.numbers import amount, significant


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0009, 0.0009), (0.00066812345, 0.0006681234), (24.714285714, 24.71429), (45e6, 45e6), (0.0, 0.0)],
)
def test_seven_digits_are_kept_wherever_they_stand(value, expected):
    assert significant(np.array([value, -value])).tolist() == [expected, -expected]


def test_what_is_unknown_stays_unknown():
    assert np.isnan(significant(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("value", "text"), [(1234.56, "1,234.6"), (0.0009, "0.0009"), (0.0, "0.0"), (-0.0012, "-0.0012")]
)
def test_small_amounts_are_no_zeros(value, text):
    assert amount(value) == text


def test_numbers_in_sentences_have_thousands_and_percent_stands_apart():
    """One rule for all sentences: 1,215 days, 18.2 %; 12,345.6 units."""
    wrong = []
    for path in sorted(Path(forecast_assets.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FormattedValue):
                continue
            form = ast.unparse(node.format_spec)[2:-1] if node.format_spec else ""
            counts = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in {"len", "sum"}
            if (counts and "," not in form) or re.search(r"(?<!,)\.\d[f%]$", form) or form.endswith("%"):
                wrong.append(f"{path}:{node.lineno} {ast.unparse(node)}")
    # The length of a text is part of a hash there.
    assert [one for one in wrong if "forecasting/core/panel.py" not in one] == []

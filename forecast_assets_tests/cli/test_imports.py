"""Commands that only look answer fast: Dagster and the model libraries stay out of their process."""

import json
import subprocess
import sys

import pytest

HEAVY = {"dagster", "mlflow", "pandas", "lightgbm", "sklearn", "scipy", "matplotlib", "prophet", "alembic"}
_PROGRAM = """
import json, sys
from forecast_assets.cli import main
sys.argv = ["forecast-assets", *sys.argv[1:]]
try:
    main()
except SystemExit as left:
    packages = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps([left.code or 0, packages, len(sys.modules)]))
"""


@pytest.mark.parametrize(
    ("arguments", "code", "most_modules"),
    [
        (["--help"], 0, 600),
        (["--version"], 0, 600),
        (["export", "nosuch", "shop"], 2, 950),
        (["export", "champions", "nosuch"], 2, 950),
        (["export", "champions", "shop", "--format", "json"], 0, 950),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_command_imports_no_more_than_it_needs(home, arguments, code, most_modules):  # noqa: ARG001 - its home
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True, check=True
    )
    left, packages, modules = json.loads(done.stdout.splitlines()[-1])
    assert left == code, done.stderr
    assert HEAVY.isdisjoint(packages)
    assert modules < most_modules

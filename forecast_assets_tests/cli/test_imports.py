"""Commands that only look answer fast: Dagster and the model libraries stay out of their process."""

import json
import subprocess
import sys

import dagster as dg
import pytest
import sqlalchemy as sa

from forecast_assets.dagster_internals import run_factory
from forecast_assets.dagster_internals.run_subjects import DATASET_TAG
from forecast_assets.errors import BadSetting
from forecast_assets.failures import refusals_final
from forecast_assets.launches import records
from forecast_assets.launches.model import Plan
from forecast_assets_tests.scenario import Place, shop

DONE, QUEUED = "d1e7a0c2-93b4-4f6e-8a57-20c6f1b3d9e8", "5b0f7c1e-2d48-4a93-b6e0-9f3c71a8d254"
HEAVY = {
    "dagster",
    "mlflow",
    "pandas",
    "lightgbm",
    "sklearn",
    "scipy",
    "matplotlib",
    "prophet",
    "alembic",
}
# Only these read sales or results in files.
ARROW = {"pyarrow"}
READ_FILES = [
    (["evaluate", "shop", "--series", "shop__A__nosuch"], 2, 1450),
    (["plan", "show", "nosuch"], 2, 1450),
    (["dataset", "show", "shop"], 0, 1450),
    (["submit", "batch", "shop", "--candidates", "nosuch"], 2, 1450),
    (["dataset", "check", "sales.csv"], 0, 1450),
    (["dataset", "add", "shop", "--path", "sales.csv", "--yes"], 2, 1450),
    (["dataset", "add", "new", "--path", "spoilt.csv", "--yes"], 2, 1450),
    (["report", "shop", "--series", "shop__A__nosuch"], 2, 1450),
    (["export", "order-proposal", "shop"], 0, 1450),
    (["export", "forecasts", "shop", "--daily", "store"], 0, 1450),
    (["export", "availability", "shop"], 0, 1450),
    (["plan", "show", "nosuch"], 2, 1450),
]
# One process after the other would pay for its start each time: modules that stay loaded only add up.
_PROGRAM = """
import contextlib, io, json, sys
from forecast_assets.cli import main
answers = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["forecast-assets", *arguments]
    code = 0
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
    packages = sorted({name.partition(".")[0] for name in sys.modules})
    answers.append([code, packages, len(sys.modules)])
print(json.dumps(answers))
"""
COMMANDS = [
    (["--help"], 0, 600),
    (["--version"], 0, 600),
    (["nosuch"], 2, 600),
    (["export", "nosuch", "shop"], 2, 1020),
    (["export", "champions", "nosuch"], 2, 1020),
    (["export", "champions", "shop", "--format", "json"], 0, 1020),
    (["status"], 0, 900),
    (["status", "nosuch"], 2, 900),
    (["status", DONE], 0, 900),
    (["status", QUEUED, "--format", "json"], 0, 900),
    (["retry", DONE], 2, 900),
    (["status", "7a506aed-ce79-4f60-ac38-28bfd3a19d9a"], 2, 900),
    (["evaluate", "shop", "--nosuch"], 2, 1100),
    (["evaluate", "nosuch"], 2, 1100),
    (["evaluate", "shop", "--candidates", "nosuch"], 2, 1100),
    (["evaluate", "shop", "--series", "other__A__P1"], 2, 1100),
    (["dataset", "list"], 0, 1200),
    (["dataset", "change", "nosuch", "--horizon", "7"], 2, 1350),
    (["report", "nosuch"], 2, 1350),
    (["report", "shop", "--output", "nosuch/page.html"], 3, 1350),
    (["state", "backup", "."], 2, 1400),
    (["register", "nosuch"], 2, 1350),
    (["register", "shop", "--series", "shop__A__nosuch"], 2, 1350),
    (["promote", "nosuch"], 2, 1350),
    (["promote", "shop", "--apply", "--confirm", "other"], 2, 1350),
    (["rollback", "shop", "--apply", "--confirm", "shop"], 2, 1350),
    (["submit", "batch", "nosuch"], 2, 1400),
    (["submit", "compare", "shop__A__nosuch"], 2, 1400),
    (["submit", "pipeline", "shop", "--requested-by", "ann"], 2, 1400),
    (["submit", "retrain", "shop", "--confirm", "no"], 2, 1400),
    (["submit", "showcase", "demo_minimal", "--keep", "/"], 2, 1400),
    (["cancel", "nosuch"], 2, 1400),
    (["retry", "nosuch"], 2, 1400),
    (["batch", "promote", "nosuch"], 2, 1400),
    (["batch", "prioritise", "nosuch", "--priority", "1"], 2, 1400),
    (["workspace", "list"], 0, 1400),
    (["workspace", "replay", "nosuch"], 2, 1400),
    (["dataset", "add", "shop", "--anchor", "decade"], 2, 1250),
    (["dataset", "remove", "nosuch"], 2, 1250),
    (["plan", "list"], 0, 1400),
    (["what-if", "nosuch__A__P1"], 2, 1400),
    (["what-if", "shop__A__nosuch"], 2, 1400),
    (["export", "incident-report", "shop"], 0, 1450),
    (["export", "incident-report", "shop", "--format", "json"], 0, 1450),
    (["promote", "shop"], 0, 1450),
    (["rollback", "shop"], 0, 1450),
    (["state", "trim"], 0, 1450),
    (["demo", "--help"], 0, 1450),
    (["doctor", "--help"], 0, 1450),
]


@dg.op
def refuse() -> None:
    with refusals_final():
        raise BadSetting("the shop is closed", remedy="come tomorrow")


@dg.job
def closed() -> None:
    refuse()


@pytest.fixture
def launched(home: Place) -> None:
    """A batch that is done, a run that waits, and one that failed."""
    (home.folder / "sales.csv").write_text(shop().write_csv())
    (home.folder / "spoilt.csv").write_text(f"{shop().write_csv()}A,P1,never,1\n")
    records.create(home.stores, "batch", Plan("no item", {}), launch_id=DONE, run_id=DONE)
    with home.stores.warehouse.transaction() as connection:
        connection.execute(sa.text("update launch set status = 'completed', completed_at = now()"))
    config = {"ops": {"work_off_batch": {"config": {"dataset": "shop", "scope": "demo"}}}}
    run_factory.create(home.instance, "batch", config, run_id=QUEUED)
    tags = {DATASET_TAG: "shop"}
    assert not closed.execute_in_process(instance=home.instance, tags=tags, raise_on_error=False).success


@pytest.mark.usefixtures("launched", "registry_beside")
def test_a_command_imports_no_more_than_it_needs():
    commands = COMMANDS + READ_FILES
    words = json.dumps([arguments for arguments, _, _ in commands])
    done = subprocess.run([sys.executable, "-c", _PROGRAM, words], capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    for (arguments, code, most), (left, packages, modules) in zip(commands, answers, strict=True):
        assert left == code, (arguments, done.stderr)
        assert HEAVY.isdisjoint(packages), arguments
        assert (arguments, code, most) in READ_FILES or ARROW.isdisjoint(packages), arguments
        assert modules < most, arguments
    assert done.stderr.count("  -> ") == sum(code in {2, 3} for _, code, _ in commands), done.stderr

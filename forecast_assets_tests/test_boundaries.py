"""The layers stay apart, and nothing heavy is loaded before it is needed."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from forecast_assets.stores.paths import FOLDERS

PACKAGE = Path(__file__).parents[1] / "forecast_assets"
QUERIES = PACKAGE.parent / "sql" / "queries"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300
REGISTRY_OPENERS = {"stores/resource.py", "stores/backup.py"}


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def imported(module: Path) -> Iterator[str]:
    """Full names of everything that a module imports, wherever in it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def called(module: Path) -> Iterator[str]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def place(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


# Who may import whom: a room imports rooms above its line only, and its own modules.
LINES = """
errors days confirmation model_validation keys setting_checks settings derived progress safe_texts web
launch_examples
forecasting.core
forecasting.analysis forecasting.version evaluation_settings evaluation_changes order_settings
stores
partitions rendering error_translation
failures dagster_internals
asset_factories series_reports
datasets
global_models
backtests
forecasts scenarios
orders
registry drift
launches
reports
automation
definitions
frames
cli
api
""".strip().splitlines()
LAYERS = [name for line in LINES for name in line.split()]
# Old addresses of modules that stored models and configurations still name.
ALIASES = {"bookkeeping", "champions", "__init__", "__main__"}


def room(name: str) -> str:
    """The room of a module by its full name."""
    parts = name.split(".")[1:]
    return ".".join(parts[:2]) if parts[0] == "forecasting" and len(parts) > 1 else parts[0]


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_rooms_import_lower_rooms_only(module):
    own = room(".".join(("forecast_assets", *module.relative_to(PACKAGE).with_suffix("").parts)))
    if own in ALIASES or module.stem == "__init__":
        return
    module_names = {".".join(one.relative_to(PACKAGE.parent).with_suffix("").parts) for one in MODULES}
    rooms = {
        room(name) for name in imported(module) if name in module_names and name != "forecast_assets.__init__"
    }
    levels = {name: level for level, name in enumerate(LAYERS)}
    assert own in levels, "give the room a line"
    above = {other for other in rooms - {own} if levels.get(other, -1) > levels[own]}
    assert not {other for other in above if not _same_line(own, other)}, (own, above)


def _same_line(one: str, other: str) -> bool:
    return any({one, other} <= set(line.split()) for line in LINES)


def test_no_two_modules_import_each_other_in_a_circle():
    path_by_module = {".".join(one.relative_to(PACKAGE.parent).with_suffix("").parts): one for one in MODULES}
    waiting = {
        name: {to for to in imported(path) if to in path_by_module and to != name}
        for name, path in path_by_module.items()
    }
    while free := {name for name, needs in waiting.items() if not needs & waiting.keys()}:
        for name in free:
            del waiting[name]
    assert not waiting, "these wait for each other"


@pytest.mark.parametrize("module", [m for m in MODULES if place(m).startswith("forecasting/")], ids=place)
def test_the_engine_knows_neither_dagster_nor_stores(module):
    foreign: tuple[str, ...] = ("dagster", "sqlalchemy", "psycopg2", "mlflow", "fsspec", "polars", "pandas")
    if place(module) == "forecasting/core/candidates/libraries.py":  # Prophet takes nothing but its frames
        foreign = tuple(name for name in foreign if name != "pandas")
    assert not [name for name in imported(module) if name.startswith(foreign)]
    # What a stored number depends on knows nothing of what is said about it.
    own = ("errors.", "forecasting.core") if "core" in module.parts else ("errors.", "days.", "forecasting.")
    allowed = tuple(f"forecast_assets.{name}" for name in own)
    ours = [name for name in imported(module) if name.startswith("forecast_assets")]
    assert not [name for name in ours if not name.startswith(allowed)]


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_only_dagster_internals_reaches_into_dagster(module):
    inside = [name for name in imported(module) if name.startswith(("dagster._", "dagster_postgres"))]
    assert not inside or place(module).startswith(("dagster_internals/", "bookkeeping/"))


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_only_stores_open_connections(module):
    # A dataset's own source may be a database of somebody else's.
    foreign = {"datasets/sources/sql.py", "datasets/sources/read_only.py"}
    allowed = place(module).startswith("stores/") or place(module) in foreign
    assert allowed or not [name for name in called(module) if name.endswith(("create_engine", ".connect"))]


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_modules_stay_readable(module):
    assert len(module.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_sql_is_read_from_files_and_never_composed(module):
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("sa.text", "exec_driver_sql")):
            composed = [part for part in ast.walk(node.args[0]) if isinstance(part, ast.FormattedValue)]
            # Names of tables and settings cannot be bound; they are constants of the store itself.
            assert not composed or place(module).startswith("stores/"), ast.unparse(node)


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_folders_of_the_lake_are_named_in_one_table(module):
    if place(module) == "stores/paths.py":
        return
    texts = [node.value for node in ast.walk(tree(module)) if isinstance(node, ast.Constant)]
    starts = tuple(f"{folder.name}/" for folder in FOLDERS)
    # MLflow's own addresses of registered models begin the same.
    assert not [
        text for text in texts if isinstance(text, str) and text.startswith(starts) and " " not in text
    ]


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_validation_errors_are_translated_in_one_place(module):
    reads = [name for name in called(module) if name.endswith("error.errors")]
    assert not reads or place(module) == "model_validation.py"


def test_every_query_says_its_question_and_is_asked():
    code = "".join(module.read_text() for module in MODULES if module.parent.name != "rows")
    for query in QUERIES.glob("*.sql"):
        first = query.read_text().splitlines()
        assert first[0].startswith(("-- Question: ", "-- Statement: ")), query.name
        assert any(line.startswith("-- Values: ") for line in first), query.name
        row = f"{query.stem.title().replace('_', '')}Row"
        uses = len(re.findall(rf"\b{row}\b", code))
        assert f'"{query.stem}"' in code or uses > 1, f"{query.name}: more than an import"


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_labels_of_candidates_are_read_by_their_catalogue_alone(module):
    cuts = {"label.partition", "label.split"} & set(called(module))
    assert not cuts or place(module) == "forecasting/core/candidates/catalogue.py"


@cache
def known_names() -> set[str]:
    """Rooms and modules by every ending of their names with dots, and what is defined in them."""
    names = {"dagster.yaml", "run_retries", "run_monitoring", "celery"}  # of others
    for module in MODULES:
        parts = place(module).removesuffix(".py").split("/")
        names |= {".".join(parts[i:j]) for j in range(1, len(parts) + 1) for i in range(j)}
        names |= {
            node.name for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef | ast.FunctionDef)
        }
    return names


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_a_module_points_to_rooms_that_exist(module):
    elsewhere = (
        (ast.get_docstring(tree(module)) or "").partition("Does not belong here:")[2].partition("\n\n")[0]
    )
    assert set(re.findall(r"``([\w.]+)``", elsewhere)) <= known_names()


def test_a_name_of_an_array_type_means_one_dtype():
    aliases = re.compile(r"^(\w+) = NDArray\[np\.(\w+)\]$", re.MULTILINE)
    pairs = {pair for module in MODULES for pair in aliases.findall(module.read_text())}
    assert len(dict(pairs)) == len(pairs)


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_the_registry_of_a_run_is_that_of_its_resource(module):
    opens = "forecast_assets.stores.registry.open_registry" in imported(module)
    # A command has no resources, and a backup is of what the environment names.
    assert not opens or place(module).startswith("cli/") or place(module) in REGISTRY_OPENERS


def test_loading_the_definitions_loads_no_model_library():
    heavy = {"lightgbm", "sklearn", "mlflow", "prophet", "matplotlib", "pandas"}
    program = "import sys, forecast_assets.definitions; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())


def test_migrations_follow_each_other_in_one_line():
    versions = (PACKAGE.parent / "sql" / "migrations" / "versions").glob("*.py")
    text = "\n".join(path.read_text() for path in versions)
    revisions = re.findall(r'^revision = "(.*)"', text, re.MULTILINE)
    before = re.findall(r'^down_revision = "?(.*?)"?$', text, re.MULTILINE)
    assert sorted(before) == sorted(["None", *sorted(revisions)[:-1]])

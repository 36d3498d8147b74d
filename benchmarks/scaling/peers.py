"""What others need for the same: the engine without a product around it, other libraries, stock Dagster.

Belongs here: running each of them, in this run and on this machine.
Does not belong here: what they do in detail (``engine``, ``bookkeeping``, ``benchmarks/peers``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml  # type: ignore[import-untyped]

from scaling.home import DAGSTER_YAML, FOLDS, HORIZON, Home
from scaling.meters import BENCHMARKS, Cost, Failed, run
from scaling.sales import Sales, sample

# Libraries refuse series that are shorter than the folds and some history before them.
_SHORTEST = (FOLDS + 2) * HORIZON
# A tree model costs less per series the more there are; a sample as small as the others' would wrong it.
_MORE_FOR_TREES = 10


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine alone: all that its process cost, and the part after reading."""

    cost: Cost
    after_reading_cpu_s: float
    parts: dict[str, float]
    ranked: int


def engine(home: Home, sales: Sales) -> Engine:
    """Run the engine alone on ``sales``."""
    done = home.run("-m", "scaling.engine", str(sales.path), str(HORIZON), str(FOLDS))
    report = json.loads(done.output)
    if report["series"] != sales.series:
        raise Failed(f"the engine saw {report['series']} of {sales.series} series")
    return Engine(done.cost, report["engine_cpu_s"], report["parts_cpu_s"], report["ranked"])


@dataclass(frozen=True, slots=True)
class Libraries:
    """Processor seconds of statsforecast and mlforecast for all series, scaled up; imports are for free."""

    models: dict[str, float]
    sampled: int
    missing: str

    @property
    def cpu_s(self) -> float:
        """All models together."""
        return sum(self.models.values())


def libraries(
    python: Path, folder: Path, sales: Sales, sampled: int, surroundings: Mapping[str, str]
) -> Libraries | None:
    """Run the same candidates by other libraries; nothing where their environment is missing."""
    if not python.exists():
        return None
    frame = sample(sales, min(sampled * _MORE_FOR_TREES, sales.series), _SHORTEST)
    file = folder / "sample.parquet"
    frame.write_parquet(file)
    script = BENCHMARKS / "peers" / "library_backtests.py"
    command = [str(python), str(script), str(file), str(sampled), str(HORIZON), str(FOLDS)]
    foreign = {name: value for name, value in surroundings.items() if name != "PYTHONPATH"}
    done = run(command, {**foreign, "OMP_NUM_THREADS": "1"})
    report = json.loads(done.output)
    models = {name: cpu * sales.series / report["series"][name] for name, cpu in report["cpu_s"].items()}
    return Libraries(models, sampled, report["missing"])


def bookkeeping(home: Home, kind: str, sizes: list[int]) -> list[dict[str, Any]]:
    """Report two assets in runs of so many series, in a database of its own; return what each run costs."""
    folder, server = home.folder / f"bookkeeping-{kind}", sa.make_url(home.url)
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create database books_{kind}")
    url = server.set(database=f"books_{kind}").render_as_string(hide_password=False)
    settings = yaml.safe_load(DAGSTER_YAML.read_text(encoding="utf-8"))
    if kind == "stock":
        settings["storage"] = {"postgres": {"postgres_url": {"env": "FORECAST_DATABASE_URL"}}}
    folder.mkdir()
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = ("-m", "scaling.bookkeeping", kind, str(home.postmaster), *map(str, sizes))
    done = home.run(*command, DAGSTER_HOME=str(folder), FORECAST_DATABASE_URL=url)
    report: list[dict[str, Any]] = json.loads(done.output)
    return report

"""What the figures should be, and how they are told.

Belongs here: targets, the table, and the names of the figures.
Does not belong here: measuring.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from scaling.dagit import Page
from scaling.home import Whole
from scaling.meters import Cost
from scaling.peers import Engine, Libraries
from scaling.sales import Sales

_TITLE = "\n{}\n" + "-" * 72
_LARGE = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and the most, or the least, that it should be; no ``value`` where nothing was measured."""

    name: str
    value: float | None
    limit: float
    unit: str
    least: bool = False

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        return self.value >= self.limit if self.least else self.value <= self.limit

    def line(self) -> str:
        """One line of the table."""
        value = "-" if self.value is None else f"{self.value:,.2f} {self.unit}"
        bound = f"{'at least' if self.least else 'at most'} {self.limit:g} {self.unit}"
        verdict = {True: "met", False: "MISSED", None: "not measured"}[self.met]
        return f"{self.name:<44}{value:>14}   {bound:<18}{verdict}"


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that one run of the benchmark found out; what was skipped is missing."""

    sales: Sales
    whole: Whole
    imports: Cost
    engine: Engine
    libraries: Libraries | None
    bookkeeping: list[dict[str, Any]]
    stock: list[dict[str, Any]]
    page: Page
    sizes: Mapping[int, Cost]

    @property
    def ratio_to_engine(self) -> float:
        """Wall time of the whole, in wall times of the engine alone."""
        return self.whole.total.wall_s / self.engine.cost.wall_s

    @property
    def ratio_to_libraries(self) -> float | None:
        """Processor time of the whole, in processor times of other libraries."""
        return None if self.libraries is None else self.whole.total.cpu_s / self.libraries.cpu_s

    @property
    def bookkeeping_speedup(self) -> float | None:
        """How many times longer stock Dagster takes to report the same series."""
        return self.stock[0]["wall_s"] / self.bookkeeping[0]["wall_s"] if self.stock else None

    @property
    def dagster_share(self) -> float:
        """Share of the whole's processor time that reporting all series costs without any work behind it."""
        return float(self.bookkeeping[-1]["cpu_s"]) / self.whole.total.cpu_s

    @property
    def postgres_share(self) -> float:
        """Share of the whole's processor time that PostgreSQL uses."""
        return self.whole.total.postgres_cpu_s / self.whole.total.cpu_s

    @property
    def growth(self) -> float | None:
        """Cost per series at full size, in costs per series at 10,000."""
        if _LARGE not in self.sizes or self.sales.series <= _LARGE:
            return None
        per_series = {size: cost.wall_s / size for size, cost in self.sizes.items()}
        return per_series[self.sales.series] / per_series[_LARGE]

    def targets(self) -> list[Target]:
        """What the project promises at 30,490 series."""
        page = max(sum(self.page.first.values()), sum(self.page.warm.values()))
        cheaper = self.bookkeeping_speedup
        return [
            Target("the whole, wall", self.whole.total.wall_s, 120, "s"),
            Target("the engine after reading, processor", self.engine.after_reading_cpu_s, 30, "s"),
            Target("the whole / the engine alone, wall", self.ratio_to_engine, 4, "x"),
            Target("the whole / other libraries, processor", self.ratio_to_libraries, 0.1, "x"),
            Target("stock book-keeping / ours, wall", cheaper, 15, "x", least=True),
            Target("peak of any process", self.whole.total.peak_mb, 3000, "MB"),
            Target("cost per series, full size / 10,000", self.growth, 1.3, "x"),
            Target("partition page, slower of first and warm", page, 2, "s"),
        ]

    def figures(self) -> dict[str, Any]:
        """All of it, for programs."""
        libraries, event_counts = self.libraries, self.whole.event_counts
        figures: dict[str, Any] = _rounded(
            {
                "series": self.sales.series,
                "days": self.sales.days,
                "rows": self.sales.rows,
                "zero_share": self.sales.zeros,
                "data": self.sales.origin,
                "total_s": self.whole.total.wall_s,
                "cpu_s": self.whole.total.cpu_s,
                "python_cpu_s": self.whole.total.python_cpu_s,
                "postgres_cpu_s": self.whole.total.postgres_cpu_s,
                "forecasts_s": self.whole.forecasts.wall_s,
                "forecasts_cpu_s": self.whole.forecasts.cpu_s,
                "stages": {name: _prices(cost) for name, cost in self.whole.stages.items()},
                "imports_cpu_s": self.imports.cpu_s,
                "peak_mb": self.whole.total.peak_mb,
                "peak_process": self.whole.total.peak_process,
                "series_green": min(event_counts["green"].values()),
                "partitions_green": event_counts["green"],
                "events_stored": event_counts["events"],
                "series_scored": event_counts["outcomes"].get("scored", 0),
                "series_with_champion": event_counts["with_champion"],
                "engine_wall_s": self.engine.cost.wall_s,
                "engine_total_cpu_s": self.engine.cost.cpu_s,
                "engine_cpu_s": self.engine.after_reading_cpu_s,
                "engine_parts_cpu_s": self.engine.parts,
                "engine_peak_mb": self.engine.cost.peak_mb,
                "ratio_to_engine": self.ratio_to_engine,
                "libraries_cpu_s": libraries.cpu_s if libraries else None,
                "libraries_models_cpu_s": libraries.models if libraries else None,
                "ratio_to_libraries": self.ratio_to_libraries,
                "bookkeeping": self.bookkeeping,
                "bookkeeping_stock": self.stock or None,
                "bookkeeping_speedup": self.bookkeeping_speedup,
                "dagster_share": self.dagster_share,
                "postgres_share": self.postgres_share,
                "partition_page_first_s": sum(self.page.first.values()),
                "partition_page_warm_s": sum(self.page.warm.values()),
                "partition_page": asdict(self.page),
                "per_1000_series": {size: 1000 * cost.wall_s / size for size, cost in self.sizes.items()},
                "growth": self.growth,
                "targets": {target.name: target.met for target in self.targets()},
            }
        )
        return figures

    def print(self) -> None:
        """All of it, for people."""
        self._print_stages()
        self._print_peers()
        print(_TITLE.format("Dagit's partition page of backtest: seconds first, then warm"))
        for name, seconds in self.page.first.items():
            print(f"{name:<24}{seconds:>9.2f} {self.page.warm[name]:>9.2f}")
        print(_TITLE.format("Seconds per 1,000 series, by size"))
        for size, cost in sorted(self.sizes.items()):
            print(f"{size:>12,}{1000 * cost.wall_s / size:>9.2f}")
        print(_TITLE.format("Targets (promised for 30,490 series)"))
        for target in self.targets():
            print(target.line())

    def _print_stages(self) -> None:
        print(_TITLE.format("The whole"))
        print(f"{'':<24}{'wall s':>9} {'Python':>9} {'PostgreSQL':>11}   processor s")
        sums = {"total": self.whole.total, "then forecasts": self.whole.forecasts}
        for name, cost in {**self.whole.stages, **sums}.items():
            print(f"{name:<24}{cost.wall_s:>9.2f} {cost.python_cpu_s:>9.2f} {cost.postgres_cpu_s:>11.2f}")
        total, event_counts = self.whole.total, self.whole.event_counts
        print(f"peak of a process {total.peak_mb:,.0f} MB ({total.peak_process})")
        print(f"{event_counts['events']:,} events stored, green partitions: {event_counts['green']}")
        print(f"outcomes: {event_counts['outcomes']}, {event_counts['with_champion']:,} with a champion")
        print(f"importing commands and definitions: {self.imports.cpu_s:.2f} processor s in each command")

    def _print_peers(self) -> None:
        print(_TITLE.format("The engine alone"))
        alone = self.engine.cost
        print(
            f"wall {alone.wall_s:.2f} s, processor {alone.cpu_s:.2f} s, peak {alone.peak_mb:,.0f} MB, "
            f"{self.engine.ranked:,} series ranked"
        )
        for name, seconds in self.engine.parts.items():
            print(f"{name:<32}{seconds:>9.2f} processor s")
        if self.libraries is not None:
            print(_TITLE.format(f"Other libraries, {self.libraries.sampled} series scaled up"))
            for name, seconds in self.libraries.models.items():
                print(f"{name:<24}{seconds:>9.1f} processor s")
        print(_TITLE.format("Two assets reported without work behind them"))
        for kind, runs in (("ours", self.bookkeeping), ("stock", self.stock)):
            for run in runs:
                each = 1000 * run["wall_s"] / run["series"]
                cpu = f"processor {run['cpu_s']:.2f} s in all"
                print(f"{kind:<8}{run['series']:>9,} series{each:>9.2f} ms each, {cpu}")


def _prices(cost: Cost) -> dict[str, float]:
    return {"wall_s": cost.wall_s, "python_cpu_s": cost.python_cpu_s, "postgres_cpu_s": cost.postgres_cpu_s}


def _rounded(value: Any) -> Any:  # noqa: ANN401 - whatever JSON may hold
    """Four digits behind the point, and nothing that JSON does not know."""
    if isinstance(value, dict):
        return {str(key): _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value

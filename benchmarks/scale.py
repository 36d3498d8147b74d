"""How long, how much, and compared with whom? One dataset from a file of sales to champions.

    python benchmarks/scale.py [--series N] [--days D] [--data PATH] [--sample N] [--no-peers] [--keep HOME]

Measures the product as a person uses it, the engine alone, other libraries and stock Dagster, all in this
run and on this machine. Prints tables, and as its last line one JSON object with every figure.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from scaling import dagit, peers
from scaling.home import opened, whole
from scaling.meters import BENCHMARKS, Cost, run, surroundings
from scaling.report import Measured
from scaling.sales import Sales, generate, repeat

SIZES = (1_000, 10_000)
_IMPORTS = "import forecast_assets.cli, forecast_assets.definitions"
# Everything heavy that a command imports sooner or later, in two halves that share little.
_HALVES = (
    f"{_IMPORTS}, forecast_assets.dagster_internals.storage, alembic.command, dagster_webserver.app, upath",
    "import lightgbm",
)


def main() -> None:
    """Measure, tell, and leave nothing behind."""
    options = arguments()
    with workplace() as folder:
        environment = surroundings(folder)
        compile_modules(environment)
        sizes = measure_smaller(options, folder, environment)
        figures = measure(options, folder, environment, sizes)
    figures.print()
    print(json.dumps(figures.figures()))


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--series", type=int, default=30_490, help="series to evaluate")
    parser.add_argument("--days", type=int, default=1_941, help="days of generated sales")
    parser.add_argument("--data", type=Path, help="Parquet file to repeat instead of generating sales")
    parser.add_argument("--sample", type=int, default=100, help="series that other libraries backtest")
    parser.add_argument(
        "--sample-bookkeeping", type=int, default=500, help="series that stock Dagster reports"
    )
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--peers-python",
        type=Path,
        default=BENCHMARKS.parent / ".venv-peers" / "bin" / "python",
        help="Python of the environment with other libraries (make peers)",
    )
    parser.add_argument(
        "--linear",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure 1,000 and 10,000 series, too",
    )
    parser.add_argument("--keep", type=Path, metavar="HOME", help="a new folder for the home, which is kept")
    options = parser.parse_args()
    if options.series < 1 or options.sample < 1 or options.sample_bookkeeping < 1:
        parser.error("there is nothing to measure in less than one series")
    if options.data is not None and not options.data.is_file():
        parser.error(f"there is no file {options.data}")
    if options.keep is not None and options.keep.exists():
        parser.error(f"{options.keep} exists; name a new folder")
    return options


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder that goes away."""
    folder = Path(tempfile.mkdtemp(prefix="scale-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compile_modules(environment: Mapping[str, str]) -> None:
    """Import everything once, so that no measured command compiles or reads it from a cold disk."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda half: run([sys.executable, "-c", half], environment), _HALVES))


def measure_smaller(
    options: argparse.Namespace, folder: Path, environment: Mapping[str, str]
) -> dict[int, Cost]:
    """What the whole costs with fewer series; nothing where that was not asked for."""
    sizes: dict[int, Cost] = {}
    if not options.linear or options.series < max(SIZES):
        return sizes
    for size in SIZES:
        if size < options.series:
            sales = written(options, folder, size)
            with opened(folder / f"home-{size}", environment, starts=False) as home:
                sizes[size] = whole(home, sales).total
            say(f"{size:,} series: {sizes[size].wall_s:.1f} s")
            shutil.rmtree(folder / f"home-{size}")
            sales.path.unlink()
    return sizes


def measure(
    options: argparse.Namespace, folder: Path, environment: Mapping[str, str], sizes: dict[int, Cost]
) -> Measured:
    """Measure the whole and all peers at full size."""
    sales = written(options, folder, options.series)
    say(f"sales {sales.origin}: {sales.series:,} series, {sales.days:,} days, {sales.rows:,} rows")
    say(f"{sales.zeros:.1%} of all days without a sale")
    sampled = min(options.sample_bookkeeping, sales.series)
    place = options.keep.absolute() if options.keep else folder / "home"
    with opened(place, environment, starts=False) as home:
        done = whole(home, sales)
        say(f"the whole: {done.total.wall_s:.1f} s")
        page = dagit.page(home, sales.series)
        say(f"Dagit's partition page: {sum(page.first.values()):.2f} s, {sum(page.warm.values()):.2f} s warm")
        alone = peers.engine(home, sales)
        say(f"the engine alone: {alone.cost.wall_s:.1f} s")
        bookkeeping = peers.bookkeeping(home, "ours", sorted({sampled, sales.series}))
        stock = peers.bookkeeping(home, "stock", [sampled]) if options.peers else []
        imports = home.run("-c", _IMPORTS).cost
    return Measured(
        sales=sales,
        whole=done,
        imports=imports,
        engine=alone,
        libraries=libraries(options, folder, sales, environment),
        bookkeeping=bookkeeping,
        stock=stock,
        page=page,
        sizes={**sizes, sales.series: done.total},
    )


def libraries(
    options: argparse.Namespace, folder: Path, sales: Sales, environment: Mapping[str, str]
) -> peers.Libraries | None:
    """What other libraries need, or nothing, with the reason said."""
    if not options.peers:
        say("other libraries and stock Dagster: skipped, as asked")
        return None
    done = peers.libraries(options.peers_python, folder, sales, options.sample, environment)
    if done is None:
        say(f"other libraries: skipped, there is no {options.peers_python}; `make peers` makes it")
    elif done.missing:
        say(f"other libraries, without {done.missing}")
    return done


def written(options: argparse.Namespace, folder: Path, series: int) -> Sales:
    """A file with the sales of so many series."""
    path = folder / f"sales-{series}.parquet"
    return repeat(path, options.data, series) if options.data else generate(path, series, options.days)


def say(what: str) -> None:
    """Progress, for whoever waits."""
    print(what, flush=True)


if __name__ == "__main__":
    main()

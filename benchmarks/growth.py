"""How fast does the state grow, what does a night cost, and what does trimming give back?

    python benchmarks/growth.py [--series N] [--nights N] [--days D]

Adds a dataset, then lets its file grow by one day a night and evaluates and forecasts what has changed, as a
nightly system would, with the anchor on full weeks. Then backs everything up, restores it, and trims as if a
year had passed. Prints a table, and as its last line one JSON object with every figure.
"""

import argparse
import datetime as dt
import json
import shutil
import sys
import tempfile
from pathlib import Path

import polars as pl
import psycopg2
from scaling.home import Home, opened
from scaling.meters import Cost, surroundings
from scaling.sales import generate

from forecast_assets.datasets.definition import DatasetOptions

WEEKLY = DatasetOptions(anchor="week")
_TRIM = """
import datetime as dt, json, sys
from forecast_assets.cli.home import open_instance
from forecast_assets.stores.resource import open_stores
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.retention import Policy, retain
later = dt.datetime.now(dt.UTC) + dt.timedelta(days=365)
found = retain(open_stores(), open_instance().delete_run, open_registry, Policy(), apply=True, now=later)
print(json.dumps({part.what: part.count for part in found}))
"""


def main() -> None:
    """Measure, tell, and leave nothing behind."""
    options = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="growth-"))
    try:
        sales = folder / "all.parquet"
        generate(sales, options.series, options.days + options.nights)
        with opened(folder / "home", surroundings(folder)) as home:
            print(json.dumps(measure(options, home, sales, folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(options: argparse.Namespace, home: Home, sales: Path, folder: Path) -> dict[str, object]:
    """Every figure, told as it is found."""
    whole = pl.read_parquet(sales)
    last = pl.select(whole["date"].max()).item()
    feed = folder / "feed.parquet"

    def deliver(night: int) -> bool:
        """Write what is known by a night; does it fill a week?"""
        newest = last - dt.timedelta(days=options.nights - night)
        whole.filter(pl.col("date") <= newest).write_parquet(feed)
        return WEEKLY.anchor_day(newest) == newest

    deliver(0)
    product(home, "dataset", "add", "feed", "--path", str(feed), "--anchor", WEEKLY.anchor)
    product(home, "evaluate", "feed")
    sizes, nights, peak_mb = [size(home)], [], 0.0
    for night in range(1, options.nights + 1):
        fills_a_week = deliver(night)
        cost = product(home, "evaluate", "feed")
        sizes.append(size(home))
        grown = {name: sizes[-1][name] - sizes[-2][name] for name in sizes[-1]}
        nights.append({"fills_a_week": fills_a_week, "cpu_s": cost.cpu_s, **grown})
        peak_mb = max(peak_mb, cost.peak_mb)
        print(f"night {night}: {nights[-1]}", file=sys.stderr)
    kinds = pl.DataFrame(nights).group_by("fills_a_week", maintain_order=True)
    saved = folder / "backup"
    backup = product(home, "state", "backup", str(saved))
    kept = weight(saved)
    restore = product(home, "state", "restore", str(saved), "--yes")
    trimmed = home.run("-c", _TRIM)
    connection = psycopg2.connect(home.url)
    connection.autocommit = True
    connection.cursor().execute("vacuum full")
    connection.close()
    return {
        "series": options.series,
        "nights": options.nights,
        "first_state": sizes[0],
        "last_state": sizes[-1],
        "per_night": kinds.agg(pl.len().alias("nights"), pl.all().mean().round(2)).to_dicts(),
        "cpu_s": sum(night["cpu_s"] for night in nights),
        "peak_mb": peak_mb,
        "backup_s": backup.wall_s,
        "backup_mb": kept / 1e6,
        "restore_s": restore.wall_s,
        "trimmed": json.loads(trimmed.output.splitlines()[-1]),
        "after_trimming": size(home),
    }


def product(home: Home, *words: str) -> Cost:
    """Run one command of the product."""
    return home.run("-m", "forecast_assets", *words).cost


def size(home: Home) -> dict[str, float]:
    """Megabytes of the database and of the lake, rows of events and runs."""
    with psycopg2.connect(home.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select pg_database_size(current_database()), (select count(*) from dagster.event_logs),"
            " (select count(*) from dagster.runs)"
        )
        database, events, runs = cursor.fetchone() or (0, 0, 0)
    connection.close()
    lake = sum(
        file.stat().st_size for file in (home.folder / "forecast" / "lake").rglob("*") if file.is_file()
    )
    return {"database_mb": database / 1e6, "lake_mb": lake / 1e6, "events": events, "runs": runs}


def weight(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--series", type=int, default=500, help="series of the dataset")
    parser.add_argument("--days", type=int, default=730, help="days before the first night")
    parser.add_argument("--nights", type=int, default=365, help="nights to simulate")
    return parser.parse_args()


if __name__ == "__main__":
    main()

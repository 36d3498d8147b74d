"""One small shop whose awkwardness every test may rely on, and a place to run it in."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from forecast_assets.backtests.assets import BACKTEST, evaluation, global_forecasts_asset
from forecast_assets.backtests.checks import no_leakage
from forecast_assets.backtests.jobs import evaluate_changed
from forecast_assets.datasets import building, definition
from forecast_assets.datasets.assets import panel, sales
from forecast_assets.datasets.checks import coverage, gaps, grain_is_unique
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.global_models import fold_models
from forecast_assets.partitions import register_series
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource

START, DAYS = dt.date(2026, 1, 5), 60  # a Monday; the newest day is a Thursday
TODAY = dt.date(2026, 7, 1)
LOCAL = ("naive", "seasonal_naive", "moving_average")
# Three folds of a week: 35 days are ready, 21 limited.
QUICK = EvaluationSettings(candidates=LOCAL, horizon=7, n_splits=3, min_train=14)

HEALTHY = "shop__A__P1"  # day n sells n
HOLED = "shop__A__P2"  # four days without a row, three closed ones
YOUNG = "shop__A__P3"  # nine days old: too short for any fold
NEVER = "shop__A-1__P1"  # zeros only
STOPPED = "shop__A_1__P1"  # sold nothing in the newest fold
TORN = "shop__B__P1"  # sells 13 on one day, which superstitious candidates cannot bear
SERIES = sorted([HEALTHY, HOLED, YOUNG, NEVER, STOPPED, TORN])
UNLUCKY = 13.5


def sales_of(key: str, units: Sequence[float | None], first: int = 0) -> pl.DataFrame:
    """Rows of one series, day after day from day ``first`` on."""
    _, store, product = key.split("__")
    return pl.DataFrame(
        {
            "store_id": store,
            "product_id": product,
            "date": [START + dt.timedelta(days=first + n) for n in range(len(units))],
            "units": pl.Series(units, dtype=pl.Float64),
        }
    )


def shop(days: int = DAYS) -> pl.DataFrame:
    """The whole shop, after ``days`` days."""
    holed = sales_of(HOLED, [None if n in {30, 31, 32} else 5 + n % 7 for n in range(days)])
    return pl.concat(
        [
            sales_of(HEALTHY, range(1, days + 1)),
            holed.filter(~pl.col("date").is_in([START + dt.timedelta(days=n) for n in (20, 21, 22, 23)])),
            sales_of(YOUNG, range(1, 10), first=days - 9),
            sales_of(NEVER, [0] * days),
            sales_of(STOPPED, [n % 5 if n < DAYS - 7 else 0 for n in range(days)]),
            sales_of(TORN, [UNLUCKY if n == 10 else 2 + n % 3 for n in range(days)]),
        ]
    )


def many(count: int, days: int = DAYS, dataset: str = "many") -> pl.DataFrame:
    """``count`` series in four stores; series i sells i + n on day n, a quarter less on Sundays."""
    return pl.concat(
        sales_of(
            f"{dataset}__S{i * 4 // count}__P{i:03d}",
            [(i + n) * (0.75 if n % 7 == 6 else 1) for n in range(days)],
        )
        for i in range(count)
    )


@dataclass(frozen=True)
class Place:
    """Stores, a Dagster instance beside them, and a folder for files."""

    resource: StoresResource
    instance: dg.DagsterInstance
    folder: Path

    @property
    def stores(self) -> Stores:
        return self.resource.open()

    def write(self, name: str, frame: pl.DataFrame) -> Path:
        """Make ``frame`` the content of a dataset's file."""
        path = self.folder / f"{name}.csv"
        frame.write_csv(path)
        return path

    def add(
        self,
        name: str,
        frame: pl.DataFrame,
        *,
        evaluation: EvaluationSettings = QUICK,
        columns: Columns | None = None,
        **options: Any,
    ) -> building.Loaded:
        """Add a dataset that reads a file with ``frame``, and give it a partition."""
        source = FileSource(path=str(self.write(name, frame)), columns=columns or Columns())
        dataset_options = DatasetOptions(evaluation=evaluation, **options)
        loaded = building.add_dataset(self.stores, name, source, dataset_options, TODAY)
        self.instance.add_dynamic_partitions("datasets", [name])
        return loaded

    def build(self, name: str, *, force: bool = False, **config: Any) -> dg.ExecuteInProcessResult:
        """Materialize sales, panel and global models of a dataset, with all checks."""
        return dg.materialize(
            [sales, panel, global_forecasts_asset, grain_is_unique, gaps, coverage, no_leakage],
            instance=self.instance,
            resources={"stores": self.resource},
            partition_key=name,
            run_config={
                "ops": {
                    "sales": {"config": {"force": force}},
                    "panel": {"config": {"force": force}},
                    "global_forecasts": {"config": {"force": force, **config}},
                }
            },
            raise_on_error=False,
        )

    def prepare(self, name: str, frame: pl.DataFrame, **options: Any) -> None:
        """Add a dataset and do what ``build`` does, without the time that Dagster takes for it."""
        self.add(name, frame, **options)
        building.build_panel(
            self.stores,
            name,
            run_id=f"prepared-{name}",
            register=lambda keys: register_series(self.instance, keys),
        )
        dataset = definition.load(self.stores, name)
        settings = dataset.options.evaluation
        fold_models.build(self.stores, dataset, settings, run_id=f"prepared-{name}")

    def evaluate(
        self,
        first: str,
        last: str | None = None,
        *,
        select: Sequence[dg.AssetKey] | None = None,
        **config: Any,
    ) -> dg.ExecuteInProcessResult:
        """Backtest a range of series and choose their champions, in one run."""
        return dg.materialize(
            [evaluation],
            instance=self.instance,
            resources={"stores": self.resource},
            tags={
                "dagster/asset_partition_range_start": first,
                "dagster/asset_partition_range_end": last or first,
            },
            selection=select,
            run_config={"ops": {"evaluate": {"config": config}}},
            raise_on_error=False,
        )

    def evaluate_changed(self, dataset: str, **config: Any) -> dg.ExecuteInProcessResult:
        """Run the job that evaluates what has changed, wherever it lies."""
        return evaluate_changed.execute_in_process(
            instance=self.instance,
            resources={"stores": self.resource},
            run_config={"ops": {"evaluate_stale_series": {"config": {"dataset": dataset, **config}}}},
            raise_on_error=False,
        )

    def table(self, name: str) -> list[dict[str, Any]]:
        """All rows of a table of the warehouse, in a fixed order."""
        with self.stores.warehouse.transaction() as connection:
            rows = connection.exec_driver_sql(f'select * from "{name}" order by 1, 2').mappings()  # noqa: S608
            return [dict(row) for row in rows]

    def files(self, folder: str = "") -> list[str]:
        """Every file of the lake below ``folder``."""
        return self.stores.lake.list(folder)

    def outcomes(self) -> dict[str, str]:
        """How the stored evaluation of each series ended."""
        return {row["series"]: row["outcome"] for row in self.table("evaluation")}

    def green(self, asset: dg.AssetKey = BACKTEST) -> set[str]:
        """Partitions that are materialized."""
        return self.instance.get_materialized_partitions(asset)

    def metadata(self, result: dg.ExecuteInProcessResult, asset: str, partition: str) -> Mapping[str, Any]:
        """What one run said of one partition of an asset, from the event log."""
        (event,) = [
            event
            for event in self.reported(asset, partition)
            if event.run_id == result.run_id and event.asset_materialization
        ]
        assert event.asset_materialization is not None
        return event.asset_materialization.metadata

    def reported(self, asset: str, partition: str) -> list[dg.EventLogEntry]:
        """Every materialization of one partition, the oldest first."""
        records_filter = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[partition])
        materializations = self.instance.fetch_materializations(records_filter, limit=100, ascending=True)
        return [record.event_log_entry for record in materializations.records]

"""Two assets reported for a range of series, without any work behind them: Dagster's events and nothing else.

Usage: python -m scaling.bookkeeping stock|ours POSTMASTER SERIES [SERIES ...], in a DAGSTER_HOME.
"""

import json
import sys
from collections.abc import Iterator
from functools import partial

import dagster as dg
import psutil

from scaling.meters import measured

SERIES = dg.DynamicPartitionsDefinition(name="series")
SPECS = [
    dg.AssetSpec("backtest", partitions_def=SERIES, skippable=True),
    dg.AssetSpec("champion", partitions_def=SERIES, skippable=True, deps=["backtest"]),
]
_WARM = 2


def materializations(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
    """What a large evaluation says of every series."""
    common = {"outcome": "scored", "sentence": "ets leads with a WAPE of 61.2 %, 4.1 % ahead of lightgbm"}
    champion: dict[str, str | float] = {
        "champion": "ets",
        "confidence": "medium",
        "wape": 61.2345,
        "skill": 12.3456,
    }
    for key in context.partition_keys:
        yield dg.AssetMaterialization("backtest", partition=key, metadata={**common, "folds": 3})
        yield dg.AssetMaterialization("champion", partition=key, metadata={**common, **champion})


@dg.multi_asset(name="stock", specs=SPECS, can_subset=True)
def stock(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
    """The way Dagster's documentation shows."""
    yield from materializations(context)


@dg.multi_asset(name="ours", specs=SPECS, can_subset=True)
def ours(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
    """Our way."""
    from forecast_assets.dagster_internals.partition_reporting import report_materializations  # noqa: PLC0415 - stock has none

    report_materializations(context, materializations(context))
    yield from ()


def reported(assets: dg.AssetsDefinition, instance: dg.DagsterInstance, keys: list[str]) -> None:
    """Report a range of keys in one run."""
    tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    dg.materialize([assets], instance=instance, tags=tags)


def check(instance: dg.DagsterInstance, keys: list[str]) -> None:
    """Raise ``RuntimeError`` when a partition is not green."""
    for name in ("backtest", "champion"):
        if not instance.get_materialized_partitions(dg.AssetKey(name)) >= set(keys):
            raise RuntimeError(f"{name} is not green everywhere")


def main() -> None:
    """Report so many series in one run, then so many, and print what each run costs."""
    assets = stock if sys.argv[1] == "stock" else ours
    server, sizes = psutil.Process(int(sys.argv[2])), [int(size) for size in sys.argv[3:]]
    rows = []
    with dg.DagsterInstance.get() as instance:
        partition_keys = (f"bench__S{n % 10:03d}__P{n // 10:05d}" for n in range(max(sizes)))
        instance.add_dynamic_partitions("series", sorted(partition_keys))
        keys = list(instance.get_dynamic_partitions("series"))
        reported(assets, instance, keys[:_WARM])  # imports and connections are nobody's merit
        for size in sizes:
            cost = measured(partial(reported, assets, instance, keys[:size]), server)
            rows.append({"series": size, "wall_s": cost.wall_s, "cpu_s": cost.cpu_s})
        check(instance, keys)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

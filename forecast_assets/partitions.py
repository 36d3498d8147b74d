"""The partition sets shared by all assets.

Belongs here: the two dynamic partition sets, how a backfill of series is cut into runs, registering keys.
Does not belong here: what a key looks like (``keys``).
"""

from collections.abc import Iterable

import dagster as dg

from forecast_assets.settings import settings

# Dynamic partition names are shared by every code location of an instance.
DATASETS = dg.DynamicPartitionsDefinition(name="datasets")
SERIES = dg.DynamicPartitionsDefinition(name="series")
_CHUNK = 10_000


def series_policy() -> dg.BackfillPolicy:
    """One run for a contiguous range of series, or runs of FORECAST_SERIES_PER_RUN to spread over machines.

    ``dagster asset materialize --partition-range`` accepts single runs only, hence the default.
    """
    size = settings().series_per_run
    return dg.BackfillPolicy.single_run() if size is None else dg.BackfillPolicy.multi_run(size)


def register_series(instance: dg.DagsterInstance, keys: Iterable[str]) -> list[str]:
    """Add the series that this instance has not seen; return the new keys, sorted."""
    registered = set(instance.get_dynamic_partitions("series"))
    new = sorted(set(keys) - registered)
    for start in range(0, len(new), _CHUNK):
        instance.add_dynamic_partitions("series", new[start : start + _CHUNK])
    return new

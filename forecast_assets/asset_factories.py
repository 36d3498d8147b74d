"""What all assets have in common, by kind: partitions, owners, retries, columns that explain themselves.

Belongs here: the decorators of assets.
Does not belong here: any asset; a step that makes several (``backtests.assets``) names what it needs itself.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import dagster as dg

from forecast_assets.dagster_internals.partition_mapping import SameDataset
from forecast_assets.failures import RETRY
from forecast_assets.partitions import DATASETS, SERIES

OWNERS = ["team:demand-planning"]
Decorator = Callable[[Callable[..., Any]], dg.AssetsDefinition]
Dependency = dg.AssetsDefinition | dg.AssetKey | dg.AssetDep


def same_dataset(asset: dg.AssetsDefinition | dg.AssetKey) -> dg.AssetDep:
    """Depend on the dataset of a series, or on all series of a dataset."""
    return dg.AssetDep(asset, partition_mapping=SameDataset())


def asset(
    group: str,
    *,
    columns: dg.TableSchema,
    kinds: Collection[str],
    deps: Sequence[Dependency] = (),
    **more: Any,  # noqa: ANN401 - whatever Dagster's own decorator takes
) -> Decorator:
    """Decorate the function of an asset of the whole instance, without partitions."""
    decorator: Decorator = dg.asset(
        group_name=group,
        owners=OWNERS,
        kinds=set(kinds),
        deps=deps,
        code_version="1",
        retry_policy=RETRY,
        metadata={"dagster/column_schema": columns},
        **more,
    )
    return decorator


def dataset_asset(group: str, **more: Any) -> Decorator:  # noqa: ANN401 - as for ``asset``
    """Decorate the function of an asset with one partition per dataset; arguments as for ``asset``."""
    return asset(group, partitions_def=DATASETS, **more)


def series_asset(group: str, **more: Any) -> Decorator:  # noqa: ANN401 - as for ``asset``
    """Decorate the function of an asset with one partition per series, whose step reports each by itself."""
    return asset(group, partitions_def=SERIES, output_required=False, **more)

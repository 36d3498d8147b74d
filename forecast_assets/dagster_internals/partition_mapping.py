"""How the partitions of series and of datasets belong together.

Belongs here: the one mapping between keys ``DATASET__STORE__PRODUCT`` and ``DATASET``.
Does not belong here: the partition sets themselves (``partitions``).

Web servers and daemons read the mapping from what the code server tells them, so they must have imported it.
They have: the storage that every instance names in its ``dagster.yaml`` imports this module.
"""

from datetime import datetime

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.partitions.mapping import UpstreamPartitionsResult
from dagster._core.definitions.partitions.subset import PartitionsSubset
from dagster._core.instance import DynamicPartitionsStore
from dagster._serdes import whitelist_for_serdes

from forecast_assets.keys import SEPARATOR


# Dagster sends only its built-in mappings to the web server, and what is derived from them.
@whitelist_for_serdes
class SameDataset(dg.AllPartitionMapping):
    """A series depends on its own dataset, a dataset on its own series, and on nothing of others."""

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: PartitionsSubset | None,
        downstream_partitions_def: dg.PartitionsDefinition | None,
        upstream_partitions_def: dg.PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> UpstreamPartitionsResult:
        """Return the partitions that those of ``downstream_partitions_subset`` are made from."""
        if downstream_partitions_subset is None:
            return super().get_upstream_mapped_partitions_result_for_partitions(
                None,
                downstream_partitions_def,
                upstream_partitions_def,
                current_time,
                dynamic_partitions_store,
            )
        with partition_loading_context(current_time, dynamic_partitions_store):
            mapped = _of_same_dataset(downstream_partitions_subset, upstream_partitions_def)
            nonexistent = upstream_partitions_def.empty_subset()
            return UpstreamPartitionsResult(
                partitions_subset=mapped, required_but_nonexistent_subset=nonexistent
            )

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: PartitionsSubset,
        upstream_partitions_def: dg.PartitionsDefinition,  # noqa: ARG002 - Dagster's signature
        downstream_partitions_def: dg.PartitionsDefinition,
        current_time: datetime | None = None,
        dynamic_partitions_store: DynamicPartitionsStore | None = None,
    ) -> PartitionsSubset:
        """Return the partitions that are made from those of ``upstream_partitions_subset``."""
        with partition_loading_context(current_time, dynamic_partitions_store):
            return _of_same_dataset(upstream_partitions_subset, downstream_partitions_def)

    @property
    def description(self) -> str:
        """Return the sentence that Dagit shows of it."""
        return "Each series belongs to its dataset, DATASET of DATASET__STORE__PRODUCT."


def _of_same_dataset(subset: PartitionsSubset, definition: dg.PartitionsDefinition) -> PartitionsSubset:
    datasets = {key.partition(SEPARATOR)[0] for key in subset.get_partition_keys()}
    existing = definition.get_partition_keys()
    keys = [key for key in existing if key.partition(SEPARATOR)[0] in datasets]
    return definition.subset_with_partition_keys(keys)

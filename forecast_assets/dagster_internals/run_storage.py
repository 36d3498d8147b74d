"""Run configuration that reads no environment.

Belongs here: refusing runs and backfills whose configuration would show a variable to whoever may look.
Does not belong here: what a field means (``config`` modules), secrets of settings (``settings``).

Dagster replaces ``{env: NAME}`` in any text, number or switch of a run by the variable, so that a person who
may launch anything could read the database's password from an event. No field of ours is made for a secret.
"""

from collections.abc import Iterator, Mapping, Sequence

from dagster import DagsterRun
from dagster._core.execution.backfill import PartitionBackfill
from dagster_postgres import PostgresRunStorage

from forecast_assets.errors import BadSetting, listed


class PlainRunStorage(PostgresRunStorage):
    """Keeps what the stock class keeps, except for configuration that looks variables up."""

    def add_run(self, dagster_run: DagsterRun) -> DagsterRun:
        """Book a run. Raises ``BadSetting`` naming the fields that look a variable up."""
        check_plain(dagster_run.run_config)
        return super().add_run(dagster_run)

    def dispose(self) -> None:
        """Close the connection that is kept between statements."""
        super().dispose()
        self._engine.dispose()

    def add_backfill(self, partition_backfill: PartitionBackfill) -> None:
        """Book a backfill. Raises ``BadSetting`` as for a run."""
        check_plain(partition_backfill.run_config or {})
        super().add_backfill(partition_backfill)


def check_plain(config: Mapping[str, object]) -> None:
    """Raise ``BadSetting`` when a value anywhere in ``config`` is ``{env: NAME}``."""
    look_ups = [repr(":".join(path)) for path in _look_ups(config, ())]
    if look_ups:
        raise BadSetting(
            f"the run configuration reads an environment variable at {listed(look_ups)}",
            remedy="write the value itself: what a run is given is shown to everybody who may look at it",
        )


def _look_ups(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        if set(value) == {"env"} and isinstance(value["env"], str):
            yield path
            return
        for name, inner in value.items():
            yield from _look_ups(inner, (*path, str(name)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, inner in enumerate(value):
            yield from _look_ups(inner, (*path, str(number)))

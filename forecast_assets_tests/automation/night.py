"""A night shift without a daemon: sensors ticked on a real instance, their requests run in this process.

Belongs here: ticking, and running what was requested as the daemon would.
Does not belong here: tests.
"""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.sensor_definition import SensorExecutionData

from forecast_assets.definitions import defs
from forecast_assets_tests.scenario import Place


@dataclass
class Night:
    """Sensors of one place with their cursors; a run key is answered once."""

    place: Place
    cursors: dict[str, str | None] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)

    def look(self, name: str, **state: Any) -> SensorExecutionData:
        """One tick of a sensor, with the cursor of its last one unless another is given."""
        sensor = defs.resolve_sensor_def(name)
        cursor = state.get("cursor", self.cursors.get(name))
        with (
            dg.build_sensor_context(
                instance=self.place.instance,
                cursor=cursor,
                definitions=defs,
                sensor_name=name,
                resources={"stores": self.place.resource},
            ) as context,
            partition_loading_context(dynamic_partitions_store=self.place.instance),
        ):
            tick = sensor.evaluate_tick(context)
        self.cursors[name] = tick.cursor
        return tick

    def said(self, name: str, **state: Any) -> str:
        """Why a tick did nothing."""
        tick = self.look(name, **state)
        assert not tick.run_requests
        assert tick.skip_message
        return tick.skip_message

    def work(self, name: str, **state: Any) -> list[dg.ExecuteInProcessResult]:
        """Tick a sensor and run its requests, those that were not answered before."""
        results = []
        sensor = defs.resolve_sensor_def(name)
        for request in self.look(name, **state).run_requests or ():
            if request.run_key in self.answered:
                continue
            self.answered.add(str(request.run_key))
            job = defs.resolve_job_def(str(request.job_name or sensor.job_name))
            results.append(
                job.execute_in_process(
                    instance=self.place.instance,
                    run_config=request.run_config,
                    partition_key=request.partition_key,
                    tags={**request.tags, "dagster/run_key": str(request.run_key)},
                    raise_on_error=False,
                )
            )
        return results

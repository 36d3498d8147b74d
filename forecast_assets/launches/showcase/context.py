"""What the steps of a showcase share.

Belongs here: what was asked for, what the steps before have made, and the way to Dagster.
Does not belong here: the steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import dagster as dg

from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.keys import SeriesKey
from forecast_assets.launches.kind import Execution
from forecast_assets.launches.showcase.config import ShowcaseConfig, ShowcasePreset
from forecast_assets.stores import Stores

Result = Literal["pass", "fail", "skip", "warn"]


class StepResult(NamedTuple):
    """How a step ended, in one sentence."""

    result: Result
    sentence: str


@dataclass(slots=True)
class ShowcaseContext:
    """What a showcase works on, and what its steps have made so far.

    ``version`` is the row of the model version that was registered, ``alias_before`` the one that the
    showcase's alias meant before.
    """

    work: Execution
    config: ShowcaseConfig
    preset: ShowcasePreset
    series: list[str] = field(default_factory=list)
    focus: SeriesKey | None = None
    created: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    version: Mapping[str, Any] | None = None
    alias_before: int | None = None

    @property
    def stores(self) -> Stores:
        return self.work.stores

    @property
    def run_id(self) -> str:
        return self.work.launch.run_id

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.dagster.instance

    @property
    def dagster(self) -> dg.OpExecutionContext:
        """The run that shows it. Raises ``BadSetting`` outside of one."""
        if self.work.context is None:
            raise BadSetting("a showcase needs a Dagster run", remedy="launch the job showcase")
        return self.work.context

    def dataset(self) -> Dataset:
        return load(self.stores, self.preset.dataset)

    def pair(self) -> SeriesKey:
        """The pair that is shown. Raises ``UnknownName`` before the step that finds it."""
        if self.focus is None:
            raise UnknownName("no pair was found", remedy="choose another preset or seed")
        return self.focus

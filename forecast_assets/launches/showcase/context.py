"""What the steps of a showcase share.

Belongs here: what was asked for, what the steps before have made, and the way to Dagster.
Does not belong here: the steps.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import dagster as dg

from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.errors import UnknownName
from forecast_assets.keys import SeriesKey
from forecast_assets.launches.showcase.config import Plan, ShowcaseConfig
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

Result = Literal["pass", "fail", "skip", "warn"]


class Told(NamedTuple):
    """How a step ended, in one sentence."""

    result: Result
    sentence: str


@dataclass(frozen=True, slots=True)
class Hands:
    """What steps need from Dagster: partitions, materializations, a question whether to stop, a voice."""

    register: Callable[[list[str]], object]
    add_dataset: Callable[[str], object]
    forget: Callable[[str, list[str]], object]
    book: Callable[[Iterable[dg.AssetMaterialization]], object]
    stop: Callable[[], bool]
    tell: Callable[[str], object]


@dataclass(slots=True)
class Bench:
    """What a showcase works on, and what its steps have made so far.

    ``version`` is the row of the model version that was registered, ``alias_before`` the one that the
    showcase's alias meant before.
    """

    stores: Stores
    config: ShowcaseConfig
    plan: Plan
    run_id: str
    hands: Hands
    series: list[str] = field(default_factory=list)
    focus: SeriesKey | None = None
    made: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    version: Row | None = None
    alias_before: int | None = None

    def dataset(self) -> Dataset:
        return load(self.stores, self.plan.dataset)

    def pair(self) -> SeriesKey:
        """The pair that is shown. Raises ``UnknownName`` before the step that finds it."""
        if self.focus is None:
            raise UnknownName("no pair was found", remedy="choose another preset or seed")
        return self.focus

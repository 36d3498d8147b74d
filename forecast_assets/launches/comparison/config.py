"""What a person fills in to compare candidates on one series, and what of it is refused.

Belongs here: the fields of the Launchpad and of ``forecast-assets submit compare``, and their checks.
Does not belong here: storing a comparison (``store``) and working it off (``work``).
"""

from dataclasses import dataclass

from pydantic import Field

from forecast_assets.datasets.building import availability
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.errors import UnknownName
from forecast_assets.evaluation_settings import EvaluationSettings, revised
from forecast_assets.keys import SeriesKey
from forecast_assets.launches.window import Window, WindowedConfig, chosen
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores


class CompareConfig(WindowedConfig):
    """Which series, which candidates, which days."""

    series: str = Field(description="Series key DATASET__STORE__PRODUCT.")
    max_parallel: int = Field(
        default=4, ge=1, le=64, description="Candidates at once, at most what the deployment allows."
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was asked for, checked."""

    series: str
    dataset: Dataset
    settings: EvaluationSettings
    window: Window
    parallel: int


def checked(stores: Stores, config: CompareConfig) -> Comparison:
    """Answer what ``config`` asks for. Raises ``ForecastError`` before anything is written."""
    dataset = load(stores, SeriesKey.parse(config.series).dataset)
    dataset.built()
    settings = revised(dataset.options.evaluation, config.changes())
    window = chosen(config.start_day, config.end_day, dataset, settings)
    if config.series not in availability(stores, dataset.name)["series"]:
        raise UnknownName(
            f"series {config.series!r} is not in the newest snapshot",
            remedy=f"see `forecast-assets export availability {dataset.name}` for those that are",
        )
    parallel = min(config.max_parallel, environment().comparison_max_parallel)
    return Comparison(config.series, dataset, settings, window, parallel)

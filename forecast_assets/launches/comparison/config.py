"""What a person fills in to compare candidates on one series, and what of it is refused.

Belongs here: the fields of the Launchpad and of ``forecast-assets submit compare``, and their checks.
Does not belong here: the comparison itself (``run``).
"""

from collections.abc import Sequence

from pydantic import Field

from forecast_assets.datasets.definition import load
from forecast_assets.datasets.membership import no_such_series
from forecast_assets.datasets.series_names import key_of
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import revised
from forecast_assets.forecasting.core.candidates.catalogue import MOST, candidate, entry
from forecast_assets.keys import SeriesKey
from forecast_assets.launches.model import NewItem, Plan
from forecast_assets.launches.window import WindowedConfig, chosen, stored
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import AvailabilityRow


class CompareConfig(WindowedConfig):
    """Which series, which candidates, which days."""

    series: str = Field(description="Series key DATASET__STORE__PRODUCT.")
    max_parallel: int = Field(
        default=4, ge=1, le=64, description="Candidates at once, at most what the deployment allows."
    )


def validate(stores: Stores, config: CompareConfig) -> Plan:
    """Return what ``config`` asks for, an item per candidate. Raises ``ForecastError`` where it is no good.

    A candidate with a parameter that it does not have, or out of its bounds, fails alone.
    """
    config = config.model_copy(update={"series": key_of(stores, config.series)})
    dataset = load(stores, SeriesKey.parse(config.series).dataset)
    dataset.built()
    refused = _refused(config.candidates or ())
    changes = config.changes()
    if refused:
        changes["candidates"] = [label for label in config.candidates or () if label not in refused]
    settings = revised(dataset.options.evaluation, changes)
    window = chosen(config.start_day, config.end_day, dataset, settings)
    if config.series not in stores.warehouse.frame(AvailabilityRow, dataset=dataset.name)["series"]:
        raise no_such_series(dataset.name, [config.series])
    return Plan(
        what=config.series,
        spec={"series": config.series, "settings": stored(settings, window), "refused": refused},
        items=[NewItem(config.series, label) for label in (*settings.candidates, *refused)],
        dataset=dataset.name,
        parallel=min(config.max_parallel, environment().comparison_max_parallel),
    )


def _refused(labels: Sequence[str]) -> dict[str, str]:
    """Why candidates have parameters that they cannot have, unless no candidate would be left.

    Raises ``BadSetting`` for a candidate that does not exist, and for too many.
    """
    if len(labels) > MOST:
        raise BadSetting(f"{len(labels):,} candidates are named", remedy=f"name at most {MOST}")
    refused: dict[str, str] = {}
    for label in labels:
        entry(label)
        try:
            candidate(label)
        except BadSetting as error:
            refused[label] = f"{error.problem}; {error.remedy}"
    return refused if len(refused) < len(set(labels)) else {}

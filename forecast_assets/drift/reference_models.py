"""Old global models, by which the weeks before the oldest fold can be forecast without knowing them.

Belongs here: when such a model is fitted, and where it is kept.
Does not belong here: forecasting with it (``analysis.replay``), the models of the folds and of production.

A global champion could otherwise be replayed in the few weeks after its oldest fold only, too few to judge
the newest one among them.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.global_models.fitting import TrainingDays, fit_or_load, recipe
from forecast_assets.stores import Stores, paths


def with_reference_models(
    stores: Stores, dataset: Dataset, models: Mapping[str, Sequence[GlobalModel]], panel: Panel, oldest: int
) -> dict[str, list[GlobalModel]]:
    """Put a model in front of ``models``, one list per candidate, that had seen at most ``oldest`` days.

    It is fitted on all series of the dataset and kept in the lake; ``panel`` may hold some of them. In a
    young dataset it may have seen eight weeks even if that is more; there is none if it could not be learned.
    """
    first = 1 + panel.frequency.position(dt.date.min, panel.start)
    # The days between two of them are those of one fit: a night pays for one every four weeks.
    every = panel.frequency.recent
    cutoff = max((first + oldest) // every * every - first, 2 * every)
    return {
        label: [*_reference(stores, dataset, label, panel, cutoff), *fitted]
        if cutoff < min(model.cutoff for model in fitted)
        else list(fitted)
        for label, fitted in models.items()
    }


def _reference(stores: Stores, dataset: Dataset, label: str, panel: Panel, cutoff: int) -> list[GlobalModel]:
    plan = dataset.options.evaluation.plan()
    columns = sorted(panel.known) + sorted(panel.static)
    ahead = plan.gap + plan.horizon
    whole = len(panel.series) == dataset.built().series_count
    model = fit_or_load(
        stores,
        paths.DRIFT.path(dataset.name),
        recipe(label, dataset.plan_steps(ahead)),
        label,
        cutoff,
        identity=(panel.start, ahead, plan.window(), columns),
        days=lambda: TrainingDays.of(panel if whole else read_panel(stores, dataset, newest=True), plan),
    )
    # Where it cannot be learned the folds' models may do, and the verdict says how many weeks it has.
    return [] if isinstance(model, str) else [model]

"""How wrong would a champion have been in each of the last weeks?

Belongs here: forecasting the past week by week, and one error figure for each week.
Does not belong here: judging the newest week (``drift``) and choosing champions.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Forecasts, Values
from forecast_assets.forecasting.core.candidates.catalogue import ensemble, entry
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.global_model import GlobalModel, predict
from forecast_assets.forecasting.core.isolation import isolated
from forecast_assets.forecasting.core.panel import Panel

_ROWS_AT_ONCE = 2048


def origins(days: int, weeks: int, gap: int, stretch: int = DAY.stretch) -> NDArray[np.int64]:
    """Numbers of visible periods from which the last ``weeks`` whole stretches are forecast, oldest first.

    A stretch is a week of days, or one period of another frequency.
    """
    newest = days - gap - stretch
    every = newest - stretch * np.arange(weeks - 1, -1, -1, dtype=np.int64)
    return every[every >= 1]


def replay(
    panel: Panel,
    label: str,
    models: Mapping[str, Sequence[GlobalModel]],
    cutoffs: NDArray[np.int64],
    *,
    gap: int,
    window: int | None,
    threads: int,
) -> Forecasts:
    """Forecast a stretch from every cutoff (n, weeks, stretch) with the candidate ``label``.

    A global candidate forecasts with the newest of its ``models`` that had seen nothing after the cutoff;
    NaN before its oldest one. The week starts ``gap`` days after the cutoff.
    """
    stretch = panel.frequency.stretch
    mean = ensemble(label)
    if mean is not None:
        members = {
            name: replay(panel, name, models, cutoffs, gap=gap, window=window, threads=threads)
            for name in mean.of()
        }
        return mean.mean(members)
    if entry(label).scope == "series":
        return isolated(label, panel, cutoffs, gap + stretch, window)[0][:, :, gap:]
    forecasts = np.full((len(panel.series), len(cutoffs), stretch), np.nan, np.float32)
    fitted = sorted(models.get(label, ()), key=lambda model: model.cutoff)
    for week, cutoff in enumerate(cutoffs.tolist()):
        usable = [model for model in fitted if model.cutoff <= cutoff]
        if usable:
            ahead = predict(usable[-1], panel, threads=threads, origin=cutoff, horizon=gap + stretch)
            forecasts[:, week] = ahead[:, gap:]
    return forecasts


def actual_weeks(panel: Panel, cutoffs: NDArray[np.int64], *, gap: int) -> Forecasts:
    """What was sold in the week of every cutoff (n, weeks, stretch), NaN where not observed."""
    return panel.units[:, cutoffs[:, None] + gap + np.arange(panel.frequency.stretch)]


def weekly_errors(actual: Forecasts, forecast: Forecasts) -> tuple[Values, Values]:
    """Relative and absolute error of every week, both (n, weeks).

    The relative one is the sum of absolute errors in percent of what was sold or of what was forecast,
    whichever is more: a week without sales counts as wrong, where WAPE would not be defined, and a week
    twice as strong is not twice as wrong. The absolute one is in units. NaN where not more than half of
    the week was observed or a forecast is missing.
    """
    is_known = ~np.isnan(actual)
    enough = 2 * is_known.sum(axis=-1) > is_known.shape[-1]
    usable = enough & np.isfinite(np.where(is_known, forecast, 0)).all(axis=-1)
    truth = np.where(is_known, actual, 0).astype(np.float64)
    guess = np.where(is_known, forecast, 0).astype(np.float64)
    wrong = np.abs(truth - guess).sum(axis=-1)
    scale = np.maximum(np.abs(truth).sum(axis=-1), np.abs(guess).sum(axis=-1))
    relative = 100 * np.divide(wrong, scale, out=np.zeros_like(wrong), where=scale > 0)
    return np.where(usable, relative, np.nan), np.where(usable, wrong, np.nan)


def is_cheap(label: str) -> bool:
    """Whether a champion can be replayed for tens of thousands of series: foreign code cannot."""
    mean = ensemble(label)
    return not any(entry(member).foreign for member in (mean.of() if mean else (label,)))


def blocks_by_label(labels: Sequence[str | None]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield rows that share a champion, at most so many at once that memory stays bounded."""
    named = np.array([label or "" for label in labels])
    for label in sorted(set(named.tolist()) - {""}):
        rows = np.flatnonzero(named == label)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield label, rows[start : start + _ROWS_AT_ONCE]

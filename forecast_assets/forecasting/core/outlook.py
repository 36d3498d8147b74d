"""What each series' champion forecasts from the newest day on.

Belongs here: running the right candidate for every series, assumptions where a plan is missing, totals.
Does not belong here: choosing champions, intervals, and where anything is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Ints
from forecast_assets.forecasting.core.blend import BlendWeights, equal_weights
from forecast_assets.forecasting.core.candidates.catalogue import (
    ensemble,
    entry,
    is_blend,
    is_global,
    members,
)
from forecast_assets.forecasting.core.demand import demand_classes
from forecast_assets.forecasting.core.global_model import GlobalModel, predict
from forecast_assets.forecasting.core.isolation import isolated
from forecast_assets.forecasting.core.openings import closed_ahead
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.plans import MEANING, filled

# By label: a global model, the weights of a blend, or why there is none.
Models = Mapping[str, GlobalModel | BlendWeights | str]


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Forecasts of n series for h days: ``units`` (n, h), never negative, NaN where there is none.

    ``failures`` maps a row to the reason; ``assumptions`` (n,) say what was made up for a missing plan.
    """

    units: Floats
    failures: Mapping[int, str]
    assumptions: Sequence[Sequence[str]]


def needed(labels: Sequence[str]) -> list[str]:
    """Global candidates that ``labels`` need, members of ensembles included, in order."""
    every = [member for label in labels for member in members(label)]
    return list(dict.fromkeys(filter(is_global, every)))


def outlook(
    panel: Panel,
    labels: Sequence[str | None],
    models: Models,
    horizon: int,
    *,
    window: int | None = None,
    threads: int,
) -> Outlook:
    """Forecast the ``horizon`` days after the panel with the candidate of each series.

    ``labels`` (n,) holds a label, or ``None`` for a series that is not forecast; ``models`` the production
    model of every global candidate, or the reason there is none, and the weights of blends; ``window`` limits
    the days that are read. A blend's units are the weighted mean of its members. On weekdays on which a
    series is never open it sells nothing.
    """
    planned, assumptions = with_plan(panel, horizon)
    closed = closed_ahead(panel, horizon)
    units = np.full(closed.shape, np.nan, np.float32)
    failures: dict[int, str] = {}
    for label in dict.fromkeys(label for label in labels if label is not None):
        rows = np.array([row for row, name in enumerate(labels) if name == label], np.int64)
        curve, broken = _forecast(planned, rows, label, models, closed[rows], window=window, threads=threads)
        units[rows] = curve
        failures.update({int(rows[at]): why for at, why in broken.items()})
    units = _closed(units, closed)
    assumed = [
        curve if label and reads_plan(label) else [] for label, curve in zip(labels, assumptions, strict=True)
    ]
    return Outlook(units, failures, assumed)


def reads_plan(label: str) -> bool:
    """Whether a candidate, or a member of an ensemble, reads what is known ahead."""
    return any(entry(member).feature_aware for member in members(label))


def _forecast(
    panel: Panel,
    rows: Ints,
    label: str,
    models: Models,
    closed: NDArray[np.bool_],
    *,
    window: int | None,
    threads: int,
) -> tuple[Floats, dict[int, str]]:
    """Forecast the ``rows`` with one candidate; ``closed`` (rows, h) are days on which they sell nothing."""
    horizon = closed.shape[1]
    if mean := ensemble(label):
        parts = {
            member: _forecast(panel, rows, member, models, closed, window=window, threads=threads)
            for member in mean.of()
        }
        if is_blend(label):
            return _blend(panel, rows, label, models, parts)
        failed = {at: f"{name}: {why}" for name, (_, broken) in parts.items() for at, why in broken.items()}
        return mean.mean({name: curve for name, (curve, _) in parts.items()}), failed
    if is_global(label):
        nothing = np.full((len(rows), horizon), np.nan, np.float32)
        model = models.get(label, f"no production model of {label}")
        if not isinstance(model, GlobalModel):
            return nothing, dict.fromkeys(range(len(rows)), str(model))
        curve = predict(model, panel, rows, threads=threads, origin=panel.days, horizon=horizon)
        return curve, _unknown(curve)
    answer, broken = isolated(label, panel.take(rows), np.array([panel.days]), horizon, window)
    curve = _closed(answer[:, 0], closed)
    return curve, _unknown(curve) | broken


def _blend(
    panel: Panel,
    rows: Ints,
    label: str,
    models: Models,
    parts: Mapping[str, tuple[Floats, dict[int, str]]],
) -> tuple[Floats, dict[int, str]]:
    """Weigh the members' forecasts; what one of them does not forecast the others do."""
    curve = weights_of(label, models).curve(
        [curves for curves, _ in parts.values()], demand_classes(panel.units[rows])
    )
    reasons = {at: f"{name}: {why}" for name, (_, broken) in parts.items() for at, why in broken.items()}
    return curve, {at: reasons.get(at, why) for at, why in _unknown(curve).items()}


def weights_of(label: str, models: Models) -> BlendWeights:
    """Return the weights of a blend among ``models``; without them all members count the same."""
    weights = models.get(label)
    return weights if isinstance(weights, BlendWeights) else equal_weights(members(label))


def _closed(curve: Floats, closed: NDArray[np.bool_]) -> Floats:
    """Forecast nothing on ``closed`` days, of which a candidate that repeats the past knows no number."""
    alive: NDArray[np.bool_] = np.asarray(np.isfinite(curve).any(axis=1))[:, None]
    return np.where(closed & alive, np.float32(0), curve)


def _unknown(curve: Floats) -> dict[int, str]:
    bad = np.flatnonzero(~np.isfinite(curve).all(axis=1))
    return dict.fromkeys(bad.tolist(), "it gives no number for some of its periods")


def with_plan(panel: Panel, horizon: int) -> tuple[Panel, list[list[str]]]:
    """Extend the columns known ahead over the ``horizon``; say for each series (n,) what was assumed.

    What is missing is filled as the role of its column says, and what the folds did not know is not used:
    a plan counts as far as its reach, as it did when the candidates were compared.
    """
    known: dict[str, Floats] = {}
    assumptions: list[list[str]] = [[] for _ in panel.series]
    end = panel.days + horizon
    for name, column in panel.known.items():
        role = panel.role(name)
        wide = np.pad(column, [(0, 0), (0, max(0, end - column.shape[1]))], constant_values=np.nan)
        absent = np.isnan(wide[:, panel.days : end]).sum(axis=1)
        unused = max(0, horizon - panel.reach.get(name, horizon))
        known[name] = np.concatenate([filled(wide[:, :end], role), wide[:, end:]], axis=1)
        for row in np.flatnonzero(np.maximum(absent, unused)).tolist():
            why = "no plan" if absent[row] >= unused else "no plan that the folds knew"
            days = max(int(absent[row]), unused)
            assumptions[row].append(
                f"{name}: {why} for {days:,} of {panel.frequency.count(horizon)}, {MEANING[role]}"
            )
    return replace(panel, known=known), assumptions


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Sums of forecasts (n, h): ``total`` and ``average`` (n,), positions and units of peak and low days."""

    total: NDArray[np.float64]
    average: NDArray[np.float64]
    peak: Ints
    peak_units: Floats
    low: Ints
    low_units: Floats


def totals(units: Floats) -> Totals:
    """Sum up; of equal days the first one is the peak or the low."""
    total = units.sum(axis=1, dtype=np.float64)
    peak, low = units.argmax(axis=1), units.argmin(axis=1)
    every = np.arange(len(units))
    return Totals(total, total / units.shape[1], peak, units[every, peak], low, units[every, low])

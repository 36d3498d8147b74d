"""Effects that a preset has only when it is asked for them.

Belongs here: optional factors of the demand, channels, returns; each drawn under names of its own.
Does not belong here: when they are applied (``selling``, ``star``).

A factor from a library function is rounded before it meets a drawn number, because processors differ in
its last bit.
"""

import numpy as np
from numpy.typing import NDArray

from forecast_assets.datasets.presets.draws import rounded, uniform
from forecast_assets.datasets.presets.world import GROWTH, INTRO, MATURITY
from forecast_assets.forecasting.core.arrays import Ints, Values
from forecast_assets.forecasting.core.hashing import Hashes

CHANNELS = ("in_store", "online", "click_collect", "wholesale")
REASONS = ("damaged", "wrong_item", "changed_mind", "expired", "quality")
RETURN_LAG = (1, 14)
_YEARLY = 0.2
_YEAR_DAYS = 365.25
_IMPULSE_PROBABILITY = 1 / 120
_IMPULSE = (-0.4, 0.8)
_IMPULSE_DAYS, _DECLINE_DAYS = 14, 90
_INTRO_SHARE = 0.1
_CHANNEL_LIMITS = (0.70, 0.90, 0.98)
_RETURN_PROBABILITY = 0.02


def yearly(days: NDArray[np.datetime64]) -> Values:
    """A sine over the year, 1 at its beginning (days,)."""
    into = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64)
    return rounded(1 + _YEARLY * np.sin(2 * np.pi * into / _YEAR_DAYS))


def lifecycle(age: Ints) -> Values:
    """Introduction from a tenth to all, growth and maturity, then a decline; the rest is not sold."""
    intro = _INTRO_SHARE + (1 - _INTRO_SHARE) * age / INTRO
    declining = np.maximum(age - (INTRO + GROWTH + MATURITY), 0)
    decline = rounded(np.exp(-declining / _DECLINE_DAYS))
    alive: Values = np.where(age < 0, 0.0, np.minimum(intro, 1.0) * decline)
    return alive


def changepoints(struck: Values, size: Values) -> Values:
    """Impulses that fade; ``struck`` and ``size`` are uniform numbers, one of each for every day."""
    low, high = _IMPULSE
    impulses = np.where(struck < _IMPULSE_PROBABILITY, low + (high - low) * size, 0.0)
    fading = rounded(np.exp(np.array([-1 / _IMPULSE_DAYS])))
    level = np.zeros(len(impulses))
    result = np.empty_like(impulses)
    for day in range(impulses.shape[1]):
        level = level * fading + impulses[:, day]
        result[:, day] = 1 + level
    return np.maximum(result, 0)


def channels(drawn: Hashes) -> NDArray[np.intp]:
    """Which of ``CHANNELS`` sold most of a day."""
    return np.searchsorted(_CHANNEL_LIMITS, uniform(drawn), side="right")


def returned(drawn: Hashes) -> NDArray[np.bool_]:
    """Which sales are followed by a return."""
    is_returned: NDArray[np.bool_] = uniform(drawn) < _RETURN_PROBABILITY
    return is_returned

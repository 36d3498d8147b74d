"""Random numbers by name, the same on every machine.

Belongs here: hashes made into uniform, normal and whole numbers by operations that IEEE 754 rounds exactly.
Does not belong here: what is drawn.

A number depends on the seed, on what it is for, on a name and on a calendar day, never on how many others are
drawn beside it. NumPy's own distributions may change between releases, and
``exp``, ``log`` and ``sin`` differ between processors in the last bit; neither is used on a drawn number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from forecast_assets.forecasting.core.arrays import Ints, Values
from forecast_assets.forecasting.core.hashing import Hashes, by_day, hashed

_FRACTION_BITS = np.uint64(11)
_NORMAL_BITS = 14
_DECIMALS = 6
_FUNCTION_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Draws:
    """The numbers of one seed."""

    seed: int

    def once(self, purpose: str, names: Sequence[str]) -> Hashes:
        """One number for every name (n,)."""
        return hashed((f"{purpose}:{name}" for name in names), self.seed)

    def daily(self, purpose: str, names: Sequence[str], ordinals: Ints) -> Hashes:
        """One number for every name and day (n, days)."""
        return by_day(self.once(purpose, names), ordinals)


def uniform(hashes: Hashes) -> Values:
    """Spread over 0 (included) to 1 (excluded)."""
    return (hashes >> _FRACTION_BITS).astype(np.float64) * 2.0**-53


def whole(hashes: Hashes, low: int, high: int) -> Ints:
    """Spread over the whole numbers from ``low`` to ``high``, both included."""
    return low + np.floor(uniform(hashes) * (high - low + 1)).astype(np.int64)


def normal(hashes: Hashes) -> Values:
    """Spread like a standard normal number, within four standard deviations."""
    return _quantiles().take((hashes >> np.uint64(64 - _NORMAL_BITS)).astype(np.int64))


def rounded(values: Values) -> Values:
    """Nine decimals: what a library function answered, freed of the bits that processors differ in."""
    result: Values = np.round(values, _FUNCTION_DECIMALS)
    return result


@lru_cache(maxsize=1)
def _quantiles() -> Values:
    """Evenly spaced quantiles, rounded so far that the last bits of a logarithm do not matter."""
    count = 2**_NORMAL_BITS
    inverse = NormalDist().inv_cdf
    return np.array([round(inverse((place + 0.5) / count), _DECIMALS) for place in range(count)])

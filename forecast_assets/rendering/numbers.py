"""Numbers as people need them: digits that say something, whatever the unit of measure.

Belongs here: rounding to significant digits, and numbers as text.
Does not belong here: tables and files.
"""

from typing import TYPE_CHECKING, SupportsFloat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# As many as 32 bits hold.
DIGITS = 7
# Below a millionth of a millionth nothing is sold.
DECIMALS = 12
_TINY = 0.05


def significant(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Round to seven significant digits and at most twelve decimals; 0.0009 stays what it is."""
    import numpy as np  # noqa: PLC0415 - sentences of commands do without it

    with np.errstate(divide="ignore"):
        magnitude = np.floor(np.log10(np.abs(values)))
    decimals = np.clip(np.where(np.isfinite(magnitude), DIGITS - 1 - magnitude, 0), 0, DECIMALS)
    rounded = np.array(values, np.float64)
    for one in np.unique(decimals):
        chosen = decimals == one
        rounded[chosen] = np.round(values[chosen], int(one))
    return rounded


def amount(of: SupportsFloat, decimals: int = 1) -> str:
    """A number with thousands and a few decimals; a small one with two significant digits instead."""
    value = float(of)
    return f"{value:.2g}" if 0 < abs(value) < _TINY else f"{value:,.{decimals}f}"


def plural(count: int, noun: str) -> str:
    """Return ``1 store``, ``2 stores``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

"""How many decimals a person needs: the same on a terminal, in Dagit's tables and in Markdown.

Belongs here: the digits of a column of numbers, and of a single one.
Does not belong here: numbers in sentences (``numbers``), and files for programs, which hold all digits.
"""

import math
import statistics
from collections.abc import Iterable
from functools import lru_cache

# Percentages that are no metric of a candidate.
_FURTHER_PERCENT = ("skill", "wql", "coverage", "stability")
_MOST = 3


def decimals_of(name: str, values: Iterable[object]) -> int:
    """Return how many decimals a column needs: three digits of a typical value, one for percentages.

    Raises nothing: what is no number or not finite is left out, and zeros alone need no decimals.
    """
    sizes = [abs(one) for one in values if isinstance(one, float) and one and math.isfinite(one)]
    typical = statistics.median(sizes) if sizes else math.inf
    if name.endswith("percent"):
        return 1 if typical >= 1 else 2
    # A service level of 0.95 is a share: one decimal would make it 0.9.
    if 1 <= typical < math.inf and (name.startswith(_percent()) or name.endswith(_percent())):
        return 1
    return next((digits for digits, least in ((0, 100), (1, 10), (2, 1)) if typical >= least), _MOST)


def figure(name: str, value: float) -> float:
    """Return a single number with the decimals that it needs; two digits where these would make it zero."""
    return round(value, decimals_of(name, [value])) or float(f"{value:.2g}")


@lru_cache
def _percent() -> tuple[str, ...]:
    """How names of percentages start or end."""
    # Loads NumPy, which a listing without such figures should not cost.
    from forecast_assets.forecasting.core.metrics import METRICS  # noqa: PLC0415

    return (*(name for name, metric in METRICS.items() if metric.unit == "percent"), *_FURTHER_PERCENT)

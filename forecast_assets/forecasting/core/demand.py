"""What kind of demand is this?

Belongs here: the four classes by how often and how evenly a product sells, and what a series is worth.
Does not belong here: forecasting; the class only chooses how forecasts are judged.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

DemandClass = Literal["smooth", "erratic", "intermittent", "lumpy"]
# Stands for a class of too few series to learn from.
EVERY_CLASS = "all"
# Syntetos, Boylan and Croston (2005): above them Croston's method, or its correction, errs less.
_INTERVAL, _VARIATION = 1.32, 0.49


def demand_classes(units: NDArray[np.float32]) -> list[DemandClass | None]:
    """Class of every series (n, days), NaN = not observed; ``None`` for one that never sold.

    The interval is observed days per day with sales; the variation is the squared coefficient of variation
    of the units of days with sales.
    """
    observed = (~np.isnan(units)).sum(axis=1)
    sold = units > 0
    count = sold.sum(axis=1)
    size = np.where(sold, units, 0).astype(np.float64)
    some = np.maximum(count, 1)
    mean = size.sum(axis=1) / some
    variance = np.where(sold, (size - mean[:, None]) ** 2, 0).sum(axis=1) / some
    rare = observed / some >= _INTERVAL
    uneven = variance >= _VARIATION * mean * mean
    names: list[list[DemandClass]] = [["smooth", "erratic"], ["intermittent", "lumpy"]]
    return [
        names[int(one)][int(other)] if times else None
        for one, other, times in zip(rare, uneven, count, strict=True)
    ]


def is_intermittent(demand_class: object) -> bool:
    """Whether most days may pass without a sale."""
    return demand_class in {"intermittent", "lumpy"}


def revenue(units: NDArray[np.float32], price: NDArray[np.float32] | None) -> NDArray[np.float64]:
    """Units times price (n,) over all observed days; units alone where there is no price.

    A day without a price takes the mean price of its series.
    """
    value = np.where(np.isnan(units), 0, units).astype(np.float64)
    if price is not None:
        value *= _paid(price[:, : units.shape[1]])
    total: NDArray[np.float64] = value.sum(axis=1)
    return total


def _paid(price: NDArray[np.float32]) -> NDArray[np.float64]:
    is_known = ~np.isnan(price)
    paid = np.where(is_known, price, 0).astype(np.float64)
    count = is_known.sum(axis=1)
    mean = np.divide(paid.sum(axis=1), count, out=np.ones(len(price)), where=count > 0)
    return np.where(is_known, paid, mean[:, None])

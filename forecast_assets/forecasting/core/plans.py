"""Columns that are known ahead: what a missing value means, and how far ahead a plan is known.

Belongs here: one rule per role for history, folds and production alike, and the sight of an origin on a plan.
Does not belong here: which columns a dataset has and their roles (``datasets``), features made of them.

Nothing here looks at the values of a series to guess what a column is: its role is declared.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from forecast_assets.forecasting.core.arrays import Floats

if TYPE_CHECKING:
    from forecast_assets.forecasting.core.panel import Panel

Role = Literal["price", "flag", "number", "carried"]
ROLES: tuple[Role, ...] = get_args(Role)
# What the columns with names of their own are unless something else is declared.
NAMED: Mapping[str, Role] = {"price": "price", "promo": "flag", "holiday": "flag"}
MEANING: Mapping[Role, str] = {
    "price": "its last value kept",
    "carried": "its last value kept",
    "flag": "taken as not set",
    "number": "left unknown",
}


def role_of(name: str, declared: Mapping[str, Role]) -> Role:
    """The role of a column: the declared one, else that of its name, else a number."""
    return declared.get(name) or NAMED.get(name, "number")


def keeps(role: Role) -> bool:
    """Whether a missing value of this role is the last one before it."""
    return role in {"price", "carried"}


def filled(column: Floats, role: Role) -> Floats:
    """A column (n, days) without what its role knows how to fill: carried forward, or off."""
    if role == "flag":
        return np.where(np.isnan(column), np.float32(0), column)
    if keeps(role) and column.shape[1]:
        there = np.where(np.isnan(column), -1, np.arange(column.shape[1]))
        newest = np.maximum.accumulate(there, axis=1)
        return np.where(newest < 0, np.float32(np.nan), np.take_along_axis(column, np.maximum(newest, 0), 1))
    return column


def sight(panel: "Panel", name: str, origin: int, width: int) -> Floats:
    """Column ``name`` over the first ``width`` days (n, width), as it looks from ``origin`` visible days.

    Beyond the reach of its plan it is what production makes of a missing plan; NaN where it ends unfilled.
    """
    column = panel.known[name][:, :width]
    out = np.pad(column, [(0, 0), (0, width - column.shape[1])], constant_values=np.nan)
    reach = panel.reach.get(name)
    if reach is None or origin + reach >= width:
        return out
    end, role = origin + reach, panel.role(name)
    if keeps(role):
        out[:, end:] = out[:, end - 1 : end] if end else np.nan
    else:
        out[:, end:] = 0 if role == "flag" else np.nan
    return out

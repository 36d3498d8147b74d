"""Distributions of a what-if: what the days and the whole horizon sell, planned and under assumptions.

Belongs here: putting the errors of the folds around a curve under assumptions.
Does not belong here: the curve (``plans``), and what an assumption does (``analysis.whatif``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.openings import closed_ahead
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.prediction import OwnErrors, predicted
from forecast_assets.forecasts.block import measured
from forecast_assets.forecasts.store import StoredForecast
from forecast_assets.global_models.production import Production
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import ChampionsOfRow

LIMITS = ("lower_95", "lower_80", "upper_80", "upper_95")
_ENDS = np.array([0.025, 0.1, 0.9, 0.975])
_GRID = np.linspace(0.005, 0.995, 199)


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What lies around the forecast of one series: its candidate, and errors pooled and of its own folds."""

    models: Production
    label: str
    own: OwnErrors

    @classmethod
    def of(cls, stores: Stores, panel: Panel, models: Production, stored: StoredForecast) -> "Spread":
        """Read what the folds of the series of ``panel`` say of its champion."""
        rows = stores.warehouse.rows(ChampionsOfRow, series=[stored.series])
        own = measured(stores, rows or [None], panel, models.pool)[0]
        return cls(models, stored.candidate, own)

    def around(self, curve: Values, panel: Panel, gap: int) -> dict[str, Values]:
        """Return units (h,) and limits by name around a ``curve`` (h,) that begins ``gap`` days ahead."""
        closed = closed_ahead(panel, gap + len(curve))[:, gap:]
        days = curve.astype(np.float32)[None]
        named = predicted(self.models.pool, [self.label], days, [self.own], closed=closed).arrays()
        return {name: named[name][0].astype(np.float64) for name in ("units", *LIMITS)}

    def of_sum(self, curve: Values, probabilities: Values) -> Values | None:
        """Return units (q,) of the whole horizon at ``probabilities`` (q,); nothing where nobody measured.

        Errors of neighbouring days go together, so that quantiles of days do not add up.
        """
        errors = self.models.pool.errors.get(self.label) if self.models.pool else None
        if errors is None or not errors.lead.by_days:
            return None
        total = np.array([curve.sum()])
        units: Values = errors.lead.quantiles(total, len(curve), probabilities, spread=self.own.spread)[0]
        return units


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Limits (h,) by name of each day, limits of the whole horizon, and the chance that the stock lasts.

    ``total`` and ``lasts`` (0 to 1) are ``None`` where they are not known.
    """

    limits: Mapping[str, Values]
    total: Mapping[str, float] | None
    lasts: float | None

    @property
    def sentence(self) -> str:
        if self.total is None:
            return "how wrong the total may be was not measured"
        text = (
            f"80 of 100 times between {self.total['lower_80']:,.1f} and {self.total['upper_80']:,.1f} units"
        )
        return (
            text
            if self.lasts is None
            else f"{text}; the stock lasts with a probability of {100 * self.lasts:,.0f} %"
        )


def outcome_of(
    spread: Spread, curve: Values, limits: Mapping[str, Values], factor: float, on_hand: float | None
) -> Outcome:
    """Return what the whole horizon sells where ``curve`` (h,) is multiplied by ``factor`` in all."""
    ends = spread.of_sum(curve, _ENDS)
    if ends is None:
        return Outcome(limits, None, None)
    total = {name: float(factor * end) for name, end in zip(LIMITS, ends, strict=True)}
    lasts = None
    if on_hand is not None and (grid := spread.of_sum(curve, _GRID)) is not None:
        # The largest probability whose quantile the stock covers, so that ties of whole units count.
        lasts = float(
            np.interp(np.searchsorted(factor * grid, on_hand, side="right"), [0, len(grid)], [0, 1])
        )
    return Outcome(limits, total, lasts)

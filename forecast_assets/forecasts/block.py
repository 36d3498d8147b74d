"""The numbers of a block of forecasts: units, intervals, stock, and who is forecast by something else.

Belongs here: bringing together what the engine says of some series; nothing is stored.
Does not belong here: which series need it, and where it goes (``forecasting``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.backtests.fold_store import Folds, read_file
from forecast_assets.forecasting.core.arrays import Floats, Values
from forecast_assets.forecasting.core.decision import Decisions, decide
from forecast_assets.forecasting.core.demand import demand_classes
from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.forecasting.core.openings import closed_ahead
from forecast_assets.forecasting.core.outlook import outlook
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.prediction import OwnErrors, Prediction, own_errors, predicted
from forecast_assets.forecasting.core.stock_plans import StockAim, StockPlan, stock_plans
from forecast_assets.forecasts.fold_claims import labels_by_file
from forecast_assets.global_models.look_alikes import LOOK_ALIKE
from forecast_assets.global_models.production import Production
from forecast_assets.order_settings import OrderSettings
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import LookAlikesRow
from forecast_assets.stores.rows.evaluations import ChampionsOfRow


@dataclass(frozen=True, slots=True, eq=False)
class ForecastBlock:
    """Forecasts of n series: their distributions, NaN where there is none; ``coverage`` (n,).

    ``curve`` (n, h) is what the distributions lie around.

    ``candidates`` made them, ``fallbacks`` (n,) flag series without a champion; ``good`` are the rows that
    have a forecast.
    """

    series: NDArray[np.str_]
    candidates: Sequence[str | None]
    fallbacks: Sequence[str | None]
    prediction: Prediction
    decisions: Decisions
    stock: Sequence[StockPlan | None]
    curve: Floats
    coverage: Values
    failures: Mapping[int, str]
    assumptions: Sequence[Sequence[str]]

    @property
    def units(self) -> Floats:
        """Expected units (n, h)."""
        return self.prediction.expected

    @property
    def good(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.isfinite(self.units).all(axis=1))

    def arrays(self) -> dict[str, Floats]:
        """Units, median, limits and quantiles of the good rows by name."""
        return {name: values[self.good] for name, values in self.prediction.arrays().items()}

    def without(self) -> Iterator[tuple[str, str, bool]]:
        """Series without a forecast, why, and whether that is our fault."""
        for at in np.flatnonzero(~np.isfinite(self.units).all(axis=1)).tolist():
            key = str(self.series[at])
            if self.fallbacks[at] is not None:
                yield key, "no champion, and no product like it has sales", False
            else:
                why = self.failures.get(at, "it gives no forecast")
                yield key, f"champion {self.candidates[at]}: {why}", True


def make(
    stores: Stores,
    panel: Panel,
    *,
    labels: Sequence[str | None],
    champions: Sequence[ChampionsOfRow | None],
    models: Production,
    horizon: int,
    gap: int,
    window: int | None,
    stock: StockAim,
) -> ForecastBlock:
    """Forecast the series of ``panel`` with the candidates ``labels`` (n,), ``horizon`` days after ``gap``.

    ``champions`` (n,) are rows of ``champions_of``; a series without one is forecast by the label all the
    same, or by the mean of products like it. ``stock`` is what stock is decided for, in periods.
    """
    predicted_block = outlook(
        panel, labels, models.models, gap + horizon, window=window, threads=environment().processes
    )
    units, candidates = predicted_block.units[:, gap:].copy(), list(labels)
    orphans = [row is None or row["champion"] is None for row in champions]
    fallbacks = [
        (label or LOOK_ALIKE) if orphan else None for label, orphan in zip(labels, orphans, strict=True)
    ]
    lost = [at for at, orphan in enumerate(orphans) if orphan and not np.isfinite(units[at]).all()]
    alike = _look_alikes(stores, [str(panel.series[at]) for at in lost])
    for at in lost:
        units[at] = alike.get(str(panel.series[at]), np.nan)
        fallbacks[at] = candidates[at] = LOOK_ALIKE
    own = measured(stores, champions, panel, models.pool)
    closed = closed_ahead(panel, gap + horizon)[:, gap:]
    prediction = predicted(models.pool, candidates, units, own, closed=closed)
    upper_80 = prediction.arrays()["upper_80"]
    decisions = decide(prediction.expected, upper_80, lead_time_days=stock.days, service_level=stock.level)
    return ForecastBlock(
        series=panel.series,
        candidates=candidates,
        fallbacks=fallbacks,
        prediction=prediction,
        decisions=decisions,
        stock=stock_plans(
            models.pool,
            candidates,
            units,
            own,
            classes=demand_classes(panel.units),
            history=panel.newest(panel.frequency.year // 2),
            aim=stock,
        ),
        curve=units,
        coverage=np.array([one.coverage for one in own]),
        failures=predicted_block.failures,
        assumptions=predicted_block.assumptions,
    )


def _look_alikes(stores: Stores, series: list[str]) -> dict[str, float]:
    """Units a day of products like these, where there are any."""
    rows = stores.warehouse.rows(LookAlikesRow, series=series) if series else []
    return {row["series"]: row["units"] for row in rows if row["units"] is not None}


def measured(
    stores: Stores, champions: Sequence[ChampionsOfRow | None], panel: Panel, pool: Pool | None
) -> list[OwnErrors]:
    """What the folds of each series of ``panel`` say of its champion's errors.

    ``champions`` (n,) are rows of ``champions_of``, or nothing.
    """
    keys = panel.series.tolist()
    by_label: dict[str, tuple[Folds, str]] = {}
    for path, labels in labels_by_file(champions).items():
        by_label |= {key: (folds, labels[key]) for key, folds in read_file(stores, path, list(labels))}
    classes = demand_classes(panel.units)
    alike: dict[tuple[str, tuple[str, ...], tuple[int, ...]], list[int]] = {}
    for at, key in enumerate(keys):
        if key in by_label:
            folds, label = by_label[key]
            alike.setdefault((label, tuple(folds.forecasts), folds.actual.shape), []).append(at)
    own = [OwnErrors() for _ in keys]
    for (label, names, _), places in alike.items():
        parts = [by_label[keys[at]][0] for at in places]
        learned = own_errors(
            pool,
            label,
            {name: np.stack([one.forecasts[name] for one in parts]) for name in names},
            actual=np.stack([one.actual for one in parts]),
            folds=np.stack([one.counted for one in parts]),
            classes=[classes[at] for at in places],
        )
        for at, one in zip(places, learned, strict=True):
            own[at] = one
    return own


def stock_aim(frequency: Frequency, orders: OrderSettings, days: int, level: float | None) -> StockAim:
    """Return what stock is decided for in periods: a lead time of whole ones, which sales can be held to."""
    lead, review = frequency.periods(days), frequency.exactly(orders.review_days)
    if level is not None:
        return StockAim(lead, level, review)
    fill_rate = orders.fill_rate if orders.stock_target == "fill_rate" else None
    costs_known = orders.shortage_cost is not None and orders.holding_cost is not None
    cheapest = orders.stock_target == "cost" and costs_known
    return StockAim(lead, orders.level(), review, fill_rate, cheapest)

"""Forecast series with their champions, with intervals and stock decisions, and store all of it.

Belongs here: what the asset ``forecast`` does, so that any job can do the same.
Does not belong here: Dagster, and any formula (``forecasting`` of the engine).
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.building import read_panel, without_demand
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.datasets.membership import series_of
from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.forecasting.core.outlook import totals
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.stock_plans import StockAim
from forecast_assets.forecasting.version import code_version
from forecast_assets.forecasts.block import ForecastBlock, make, stock_aim
from forecast_assets.forecasts.fold_claims import claims
from forecast_assets.forecasts.store import forecast_table
from forecast_assets.global_models import production
from forecast_assets.global_models.look_alikes import LOOK_ALIKE
from forecast_assets.global_models.pooling import fallbacks
from forecast_assets.global_models.production import Production
from forecast_assets.keys import SeriesKey
from forecast_assets.rendering.numbers import amount
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.rows.datasets import DeliveriesRow
from forecast_assets.stores.rows.evaluations import ChampionsOfRow
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow

BLOCK = 1024
_NO_LONGER = "the newest snapshot no longer delivers it"


@dataclass(frozen=True, slots=True)
class ForecastRequest:
    """How to forecast, and what stock is decided for.

    ``horizon`` days after a ``gap`` of so many days after the newest sale; as the evaluation does when unset.
    Lead time and service level are the dataset's when unset.
    """

    horizon: int | None = None
    lead_time_days: int | None = None
    service_level: float | None = None
    gap: int | None = None


@dataclass(frozen=True, slots=True)
class Forecasted:
    """What came out for one series: a forecast, none (with the reason), or work for us; always a sentence."""

    series: str
    outcome: Literal["forecast", "none", "broken"]
    sentence: str
    run_id: str
    reused: bool = False
    row: Mapping[str, Any] | None = None


def make_forecasts(
    stores: Stores,
    keys: Sequence[str],
    *,
    run_id: str,
    request: ForecastRequest = ForecastRequest(),
    force: bool = False,
) -> Iterator[Forecasted]:
    """Forecast the series ``keys`` and return one outcome each, as soon as it is stored.

    A series without a champion is forecast by the first global candidate of its dataset, or by the mean of
    products like it, and flagged. Forecasts whose inputs have not changed are kept unless ``force``.
    """
    for name, members in groupby(sorted(keys), key=lambda key: SeriesKey.parse(key).dataset):
        work = load_inputs(stores, load(stores, name), list(members), request)
        yield from _reused_and_gone(stores, work, run_id, force=force)
        rows = np.flatnonzero(work.stale(force=force))
        for start in range(0, len(rows), BLOCK):
            yield from _block(stores, work, rows[start : start + BLOCK], run_id)


def stale_forecasts(
    stores: Stores,
    dataset: str,
    keys: Sequence[str] | None,
    *,
    request: ForecastRequest = ForecastRequest(),
    force: bool = False,
) -> list[str]:
    """Series (all of the dataset's for ``None``) whose forecast is missing or would be different, sorted."""
    members = keys or series_of(stores, dataset)
    work = load_inputs(stores, load(stores, dataset), sorted(members), request)
    gone = list(work.gone)
    still = stores.warehouse.rows(CurrentForecastsRow, dataset=dataset, series=gone) if gone else []
    return sorted([*work.panel.series[work.stale(force=force)].tolist(), *(row["series"] for row in still)])


@dataclass(frozen=True, slots=True, eq=False)
class ForecastInputs:
    """What forecasts of the delivered series of one dataset are made from.

    ``aim`` is what stock is decided for, in periods. ``gone`` are those that are not forecast, with the
    reason: no longer delivered or sold, or never sold.
    """

    dataset: Dataset
    lead_time_days: int
    aim: StockAim
    horizon: int
    gap: int
    panel: Panel
    champions: list[ChampionsOfRow | None]
    models: Production
    fingerprints: list[str]
    current_by_series: dict[str, CurrentForecastsRow]
    gone: dict[str, str]

    def stale(self, *, force: bool) -> NDArray[np.bool_]:
        current = self.current_by_series
        pairs = zip(self.panel.series.tolist(), self.fingerprints, strict=True)
        stale = [force or key not in current or current[key]["fingerprint"] != mark for key, mark in pairs]
        return np.array(stale, dtype=bool)

    def last_day(self) -> dt.date:
        return self.panel.date(self.panel.days - 1)


def load_inputs(
    stores: Stores, dataset: Dataset, keys: list[str], request: ForecastRequest
) -> ForecastInputs:
    """Read what forecasts of the series ``keys`` (sorted) are made from."""
    dataset = dataset.looking(horizon=request.horizon, gap=request.gap)
    delivered = {
        row["series"]
        for row in stores.warehouse.rows(DeliveriesRow, dataset=dataset.name)
        if row["delivered"]
    }
    without = without_demand(stores, dataset.name)
    gone = {key: without.get(key, _NO_LONGER) for key in keys if key not in delivered or key in without}
    members = [key for key in keys if key not in gone]
    # Reading all of it and dropping some is faster than looking up most of the series.
    most = not members or 2 * len(members) > dataset.built().series_count
    panel = read_panel(stores, dataset, None if most else members, newest=True)
    if most:
        panel = panel.take(np.flatnonzero(np.isin(panel.series, members)))
    chosen = {row["series"]: row for row in stores.warehouse.rows(ChampionsOfRow, series=members)}
    champions = [chosen.get(key) for key in panel.series.tolist()]
    models = production.read(stores, dataset)
    evaluation = dataset.options.evaluation
    orders = dataset.options.orders
    lead_time = request.lead_time_days or orders.lead_time_days
    aim = stock_aim(panel.frequency, orders, lead_time, request.service_level)
    common = f"{aim}|{code_version()}|{panel.days}|{evaluation.hash()}|{dataset.reach}"
    labels = [_label(row, dataset) for row in champions]
    identities = {label: models.identity(label) for label in set(labels)}
    marks = [
        blake2b(
            f"{common}|{content}|{row and row['champion']}|{row and row['fingerprint']}|"
            f"{identities[label]}".encode(),
            digest_size=16,
        ).hexdigest()
        for content, row, label in zip(panel.content_hashes(), champions, labels, strict=True)
    ]
    current = {
        row["series"]: row
        for row in stores.warehouse.rows(CurrentForecastsRow, dataset=dataset.name, series=members)
    }
    ahead = (evaluation.horizon, evaluation.gap)
    return ForecastInputs(dataset, lead_time, aim, *ahead, panel, champions, models, marks, current, gone)


def _label(row: ChampionsOfRow | None, dataset: Dataset) -> str | None:
    """The candidate that forecasts a series: its champion, else the dataset's first global candidate."""
    if row is not None and row["champion"] is not None:
        return row["champion"]
    return next(iter(fallbacks(dataset)), None)


def _reused_and_gone(
    stores: Stores, work: ForecastInputs, run_id: str, *, force: bool
) -> Iterator[Forecasted]:
    for at in np.flatnonzero(~work.stale(force=force)):
        key = str(work.panel.series[at])
        yield outcome_of(work.current_by_series[key], work.panel.frequency, reused=True)
    if work.gone:
        _retire(stores, list(work.gone))
    for key, why in work.gone.items():
        yield Forecasted(key, "none", why, run_id)


def _retire(stores: Stores, series: list[str]) -> None:
    with (
        stores.warehouse.transaction() as connection,
        stores.warehouse.staged(connection, "forecast", pl.DataFrame({"series": series})),
    ):
        stores.warehouse.execute("retire_forecasts", connection)


def _block(
    stores: Stores, work: ForecastInputs, rows: NDArray[np.int64], run_id: str
) -> Iterator[Forecasted]:
    block = make(
        stores,
        work.panel.take(rows),
        labels=[_label(work.champions[row], work.dataset) for row in rows],
        champions=[work.champions[row] for row in rows],
        models=work.models,
        horizon=work.horizon,
        gap=work.gap,
        window=work.dataset.options.evaluation.plan().window(),
        stock=work.aim,
    )
    marks = [work.fingerprints[row] for row in rows[block.good]]
    if marks:
        keys = block.series[block.good].tolist()
        name = blake2b("".join(marks).encode(), digest_size=8).hexdigest()
        path = paths.FORECASTS.path(work.dataset.name, run_id, f"{keys[0]}-{name}.parquet")
        claimed = claims(stores, [work.champions[row] for row in rows[block.good]])
        plain = _frame(work, block)
        table = forecast_table(keys, block.arrays(), block.curve[block.good], plain["stock"].to_list())
        stores.lake.write_table(path, table, rows_per_group=64, computed=True)
        frame = plain.with_columns(
            stock_is_filed=pl.lit(True),  # noqa: FBT003 - a value
            claims=pl.Series([json.dumps(one) for one in claimed]),
            fingerprint=pl.Series(marks),
            path=pl.lit(path),
            run_id=pl.lit(run_id),
        )
        with stores.warehouse.transaction() as connection:
            with stores.warehouse.staged(connection, "forecast", frame.select("series")):
                stores.warehouse.execute("retire_forecasts", connection)
            stores.warehouse.replace(connection, "forecast", frame, keys=["series", "run_id"])
        for row in frame.iter_rows(named=True):
            yield outcome_of(row, work.panel.frequency, reused=False)
    for key, why, broken in block.without():
        yield Forecasted(key, "broken" if broken else "none", why, run_id)


def _frame(work: ForecastInputs, block: ForecastBlock) -> pl.DataFrame:
    good, sums = block.good, totals(block.units[block.good])
    begin = work.panel.days + work.gap
    dates = work.panel.dates(begin, begin + block.units.shape[1])
    plans = [plan for plan in (block.stock[at] for at in good) if plan is not None]
    return pl.DataFrame(
        {
            "series": block.series[good].tolist(),
            "candidate": [block.candidates[at] for at in good],
            "fallback": pl.Series([block.fallbacks[at] for at in good], dtype=pl.String),
            "total": sums.total,
            "average": sums.average,
            "peak_day": dates[sums.peak],
            "peak_units": sums.peak_units.astype(np.float64),
            "low_day": dates[sums.low],
            "low_units": sums.low_units.astype(np.float64),
            "safety_stock": [plan.safety_stock for plan in plans],
            "reorder_point": [plan.reorder_point for plan in plans],
            "stock": [json.dumps(plan.to_json()) for plan in plans],
            # It knows service levels only.
            "interval_safety_stock": np.full(len(good), np.nan)
            if work.aim.fill_rate is not None
            else block.decisions.interval_safety_stock[good],
            "coverage_80": 100 * block.coverage[good],
            "assumptions": [json.dumps(list(block.assumptions[at])) for at in good],
        }
    ).with_columns(
        pl.col("interval_safety_stock", "coverage_80").fill_nan(None),
        dataset=pl.lit(work.dataset.name),
        snapshot=pl.lit(work.dataset.built().hash),
        horizon=pl.lit(work.horizon),
        last_known_day=pl.lit(work.last_day()),
        first_day=pl.lit(work.panel.date(begin)),
        lead_time_days=pl.lit(work.lead_time_days),
        service_level=pl.Series([plan.level for plan in plans], dtype=pl.Float64),
    )


def outcome_of(row: Mapping[str, Any], frequency: Frequency, *, reused: bool) -> Forecasted:
    """The outcome that a row of table ``forecast`` tells."""
    flag = f" (no champion: {_FLAGS.get(row['fallback'], 'global model')})" if row["fallback"] else ""
    sentence = (
        f"{amount(row['total'], 0)} units in {frequency.count(row['horizon'])} by {row['candidate']}{flag}, "
        f"{amount(row['average'])} a {frequency.name}, peak {amount(row['peak_units'])} on {row['peak_day']}"
    )
    return Forecasted(row["series"], "forecast", sentence, row["run_id"], reused, row)


_FLAGS = {LOOK_ALIKE: "mean of products like it"}

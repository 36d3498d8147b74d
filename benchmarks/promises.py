"""What is claimed of champions, and what happens on days that nobody has seen?

Usage: python benchmarks/promises.py [--data FILE] [--store ID ...] [--known COLUMN ...] [--static COLUMN ...]
       [--horizon H] [--folds K] [--windows W] [--candidates A,B] [--policy NAME] [--series N] [--draw D]

Holds out the newest W windows of H days, one after the other. For each, the product's own code learns the
pool, scores the candidates on the K folds before it, chooses champions and claims their error; then the
champions forecast the window. Prints claimed and happened WAPE (all series, by class of demand, by fifth of
the claim), the total error of the mean, bias and error of daily totals, coverage with ties by lot, weighted
quantile loss against seasonal naive, and service and cost of every stock rule. The last line is one JSON
object, with the means over the windows. Beside the champions stands every candidate as the only one (its
curve and its median). Without --data it takes the shipped sales; with --no-plan columns known ahead end with
the sales, as they mostly do in production, all of them or the named ones.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import accuracy
import numpy as np
from numpy.typing import NDArray

from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.analysis.calibration import randomised_pit
from forecast_assets.forecasting.analysis.totals import error_ranks, quantiles_of, summed, totals_by_day
from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.backtest import Backtest, backtest
from forecast_assets.forecasting.core.candidates.catalogue import DEFAULT, entry, is_global, split
from forecast_assets.forecasting.core.claims import claims
from forecast_assets.forecasting.core.demand import demand_classes, is_intermittent
from forecast_assets.forecasting.core.distribution import pinball_loss
from forecast_assets.forecasting.core.intervals import limits, spread_of
from forecast_assets.forecasting.core.lead_time import window_sums
from forecast_assets.forecasting.core.outlook import outlook
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.prediction import LEVELS, OwnErrors, Prediction, own_errors, predicted
from forecast_assets.forecasting.core.ranking import rank
from forecast_assets.forecasting.core.stock import RULES, RULES_OF_SUMS, SCORED_LEADS
from forecast_assets.forecasting.core.stock_plans import demands
from forecast_assets.global_models.pool_learning import PoolInputs, learn, sampled
from forecast_assets.settings import settings as environment

AIMS = np.array([0.9, 0.95, 0.98])
DECILES = [at for at, level in enumerate(LEVELS.tolist()) if 0.05 < level < 0.95]  # noqa: PLR2004 - 0.1 to 0.9
FIFTHS = 5
FINE = np.linspace(0.005, 0.995, 199)
Z_OF_AIMS = np.array([NormalDist().inv_cdf(float(aim)) for aim in AIMS])
Z_OF_UPPER_80 = NormalDist().inv_cdf(0.9)


def window(
    panel: Panel, origin: int, settings: EvaluationSettings, models: accuracy.Models
) -> dict[str, object]:
    """Everything that was claimed of the window after ``origin``, and what happened in it."""
    history, plan = panel.until(origin), settings.plan()
    cutoffs = plan.cutoffs(origin)
    global_forecasts = models.global_forecasts(cutoffs, history, settings.candidates)
    inputs = PoolInputs(history, history.series, cutoffs, lambda: global_forecasts)
    pool = learn(settings, inputs, sampled(history))
    done = backtest(history, cutoffs, plan, settings.candidates, global_forecasts, pool=pool)
    classes = demand_classes(history.units)
    rare = np.array([is_intermittent(one) for one in classes])
    winner = rank(done.scores, settings.ranking_policy(), intermittent=rare).winner
    names = settings.candidates
    claimed = claims(
        pool,
        names,
        done.forecasts,
        actual=done.actual,
        folds=done.folds,
        winners=winner,
        classes=classes,
    )
    labels = [names[place] if place >= 0 else None for place in winner.tolist()]
    production = {name: models.at(name, origin) for name in filter(is_global, names)}
    curves = {
        name: outlook(
            history,
            [name] * len(labels),
            {**production, **pool.blends},
            plan.horizon,
            threads=environment().processes,
        ).units
        for name in names
    }
    curve = np.stack([curves[label or names[0]][row] for row, label in enumerate(labels)])
    curve[[label is None for label in labels]] = np.nan
    by_name = dict(zip(names, done.forecasts, strict=True))
    own: list[OwnErrors | None] = [None] * len(labels)
    for label in {label for label in labels if label}:
        rows = [row for row, one in enumerate(labels) if one == label]
        some = {name: values[rows] for name, values in by_name.items()}
        errors = own_errors(
            pool,
            label,
            some,
            actual=done.actual[rows],
            folds=done.folds[rows],
            classes=[classes[row] for row in rows],
        )
        for row, one in zip(rows, errors, strict=True):
            own[row] = one
    served = np.array(
        [row for row, one in enumerate(own) if one is not None and np.isfinite(curve[row]).all()]
    )
    made_by = [labels[row] for row in served]
    mine = [one for row, one in enumerate(own) if one is not None and np.isfinite(curve[row]).all()]
    prediction = predicted(pool, made_by, curve[served], mine)
    naive = outlook(history, ["seasonal_naive"] * len(labels), {}, plan.horizon, threads=1).units[served]
    actual = panel.units[served, origin : origin + plan.horizon].astype(np.float64)
    claim = np.array([claimed[row].wape if claimed[row].wape is not None else np.nan for row in served])
    kinds = np.array([classes[row] or "none" for row in served])
    recent = history.take(served).newest(history.frequency.year // 2)
    radius = _first_interval(names, labels, done, curve)[served]
    fine = predicted(pool, made_by, curve[served], mine, FINE)
    return {
        **figures(actual, claim, kinds, prediction.expected, prediction.median, prediction.quantiles, naive),
        "champions": {name: made_by.count(name) for name in names if name in made_by},
        "singles": {name: single(pool, name, curves[name][served], actual) for name in names},
        "calibration": calibration(actual, fine.quantiles, kinds),
        "totals": totals(actual, prediction, history.series[served].tolist(), made_by, by_name, done, served),
        "stock": stock(
            pool, made_by, curve[served], actual, mine, [classes[row] for row in served], recent, radius
        ),
    }


def single(pool: Pool, name: str, curve: NDArray[np.float32], actual: Values) -> list[float]:
    """WAPE in percent of a candidate that forecasts all series: of its curve, and of the median around it."""
    median = predicted(pool, [name] * len(curve), curve, [OwnErrors()] * len(curve)).median
    is_known = ~np.isnan(actual)
    sold = actual[is_known].sum()
    missed = [np.where(is_known, np.abs(actual - one), 0) for one in (curve, median)]
    return [round(float(100 * np.nansum(error) / sold), 2) for error in missed]


def summary(reports: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Means over the windows: claimed and happened WAPE by fifth and class, the default beside the best."""
    singles = {
        name: np.mean([report["singles"][name] for report in reports], axis=0).round(2).tolist()
        for name in reports[0]["singles"]
    }
    ours = singles.keys() - {name for name in singles if entry(name).scope == "evaluation"}
    best = min(ours, key=lambda name: min(singles[name]))
    claimed, happened = np.mean([report["wape"] for report in reports], axis=0).round(2).tolist()
    default = float(np.mean([report["default"] for report in reports]))
    return {
        "claimed": claimed,
        "happened": happened,
        "by_fifth": np.mean([report["by_fifth"] for report in reports], axis=0).round(2).tolist(),
        "by_class": {
            one: np.mean([report["by_class"][one] for report in reports], axis=0).round(2).tolist()
            for one in reports[0]["by_class"]
            if all(one in report["by_class"] for report in reports)
        },
        "total_error": round(float(np.mean([report["total_error"] for report in reports])), 2),
        "best_single": [best, *singles[best]],
        "default": round(default, 2),
        "default_behind_best_single": round(default - min(singles[best]), 2),
        "singles": singles,
    }


def calibration(
    actual: Values, quantiles: NDArray[np.float32], kinds: NDArray[np.str_]
) -> Mapping[str, object]:
    """Share of days inside 80 and 95 % by class of demand, in percent.

    ``inside`` counts ties by lot and is 80 and 95 where distributions are right; ``forced`` is how much more
    a closed interval holds, because zeros and whole units lie on its limits.
    """
    seen = ~np.isnan(actual)
    sold, units = actual[seen], quantiles[seen].astype(np.float64)
    pit = randomised_pit(sold, units, FINE, np.random.default_rng(31).random(sold.size))
    kind = np.broadcast_to(kinds[:, None], actual.shape)[seen]
    shares_by_class: dict[str, object] = {}
    for one in ("all", *np.unique(kind).tolist()):
        mine = (kind == one) | (one == "all")
        lines = {}
        for level, low, high in ((80, 0.1, 0.9), (95, 0.025, 0.975)):
            inside = 100 * float(((pit >= low) & (pit <= high))[mine].mean())
            ends = [int(np.abs(FINE - end).argmin()) for end in (low, high)]
            lower, upper = (units[mine, end] for end in ends)
            closed = 100 * float(((sold[mine] >= lower - 1e-6) & (sold[mine] <= upper + 1e-6)).mean())
            lines[f"inside_{level}"] = round(inside, 1)
            lines[f"forced_{level}"] = round(max(closed - inside, 0), 1)
        shares_by_class[one] = lines
    return shares_by_class


def totals(  # noqa: PLR0917 - forecasts, what happened, and the folds behind them
    actual: Values,
    prediction: Prediction,
    keys: list[str],
    labels: list[str | None],
    forecasts: Mapping[str, NDArray[np.float32]],
    done: Backtest,
    served: NDArray[np.int64],
) -> Mapping[str, object]:
    """Bias and error of daily totals in percent; days inside limits of sampled and of added quantiles."""
    seen = ~np.isnan(actual)
    sold = np.where(seen, actual, 0).sum(axis=0)
    bias, error = totals_by_day(sold, np.where(seen, prediction.expected, 0).sum(axis=0))
    past = np.stack([forecasts[str(label)][row] for label, row in zip(labels, served, strict=True)])
    ranks = error_ranks(keys, done.actual[served], past, done.folds[served])
    scenarios = quantiles_of(summed(prediction.expected, prediction.quantiles, ranks))
    added = prediction.quantiles.sum(axis=0)
    place = {name: at for at, name in enumerate(LEVELS.tolist())}
    inside = {
        f"{how}_{level}": int(((sold >= units[:, place[low]]) & (sold <= units[:, place[high]])).sum())
        for how, units in (("sampled", scenarios), ("added", added))
        for level, low, high in ((80, 0.1, 0.9), (95, 0.025, 0.975))
    }
    return {"bias": round(bias or 0, 2), "daily_error": round(error or 0, 2), "days": len(sold), **inside}


def _first_interval(
    names: Sequence[str], labels: Sequence[str | None], done: Backtest, curve: NDArray[np.float32]
) -> Values:
    """Standard deviation of a day (n,) as release 0.1 took it: from a symmetric 80 % interval per series."""
    place = {name: at for at, name in enumerate(names)}
    own = np.array([place[label or names[0]] for label in labels])
    forecast = done.forecasts[own, np.arange(len(own))]
    upper = limits(spread_of(done.actual, forecast, done.folds), curve)[80][1]
    sigma: Values = np.nan_to_num((upper - curve).mean(axis=1).astype(np.float64)) / Z_OF_UPPER_80
    return sigma


def figures(  # noqa: PLR0917 - what was claimed and what happened
    actual: Values,
    claim: Values,
    kinds: NDArray[np.str_],
    expected: NDArray[np.float32],
    median: NDArray[np.float32],
    quantiles: NDArray[np.float32],
    naive: NDArray[np.float32],
) -> dict[str, object]:
    """Claimed and happened WAPE, total error, coverage and weighted quantile loss."""
    seen = ~np.isnan(actual)
    sold = np.where(seen, actual, 0)
    error = np.where(seen, np.abs(sold - median), 0).sum(axis=1)
    units = sold.sum(axis=1)
    usable = np.isfinite(claim)

    def pair(rows: NDArray[np.bool_]) -> list[float]:
        rows = rows & usable
        total = max(units[rows].sum(), 1e-9)
        return [
            round(float((claim[rows] * units[rows]).sum() / total), 2),
            round(100 * error[rows].sum() / total, 2),
        ]

    order = np.argsort(np.where(usable, claim, np.inf))[: int(usable.sum())]
    fifths = [np.isin(np.arange(len(claim)), part) for part in np.array_split(order, FIFTHS)]
    short = sold[..., None] - quantiles
    loss = pinball_loss(short, LEVELS)[seen][:, DECILES]
    level = {name: at for at, name in enumerate(LEVELS.tolist())}
    inside = {
        width: (sold >= quantiles[..., level[low]] - 1e-6) & (sold <= quantiles[..., level[high]] + 1e-6)
        for width, low, high in ((80, 0.1, 0.9), (95, 0.025, 0.975))
    }
    wape_naive = np.where(seen & np.isfinite(naive), np.abs(sold - naive), 0).sum() / units.sum()
    wql = float(2 * loss.mean(axis=1).sum() / units.sum())
    return {
        "wape": pair(np.ones(len(claim), bool)),
        "default": round(float(100 * error.sum() / units.sum()), 2),
        "by_class": {one: pair(kinds == one) for one in np.unique(kinds).tolist()},
        "by_fifth": [pair(rows) for rows in fifths],
        "total_error": round(float(100 * (np.where(seen, expected, 0).sum() / units.sum() - 1)), 2),
        **{f"coverage_{width}": round(float(100 * hit[seen].mean()), 1) for width, hit in inside.items()},
        "wql": round(wql, 4),
        "wql_to_seasonal_naive": round(wql / float(wape_naive), 4),
        "wape_to_seasonal_naive": round(float(error.sum() / units.sum() / wape_naive), 4),
    }


def stock(  # noqa: PLR0917 - a pool, forecasts and what happened
    pool: Pool,
    labels: Sequence[str],
    curve: NDArray[np.float32],
    actual: Values,
    own: Sequence[OwnErrors],
    classes: Sequence[str | None],
    history: NDArray[np.float32],
    radius: Values,
) -> Mapping[str, object]:
    """Achieved service at 90, 95 and 98 % and cost per 100 units at 95 %, by rule and lead time."""
    seen = ~np.isnan(actual)
    results: dict[str, object] = {}
    for days in (one for one in SCORED_LEADS if one <= curve.shape[1]):
        counted = window_sums(curve.astype(np.float64), seen, days)[1]
        need = window_sums(actual, seen, days)[0][counted][:, None]
        held: dict[str, Values] = {
            name: np.full((*counted.shape, len(AIMS)), np.nan)
            for name in (*RULES, "chosen", "interval of release 0.1")
        }
        for start in range(counted.shape[1]):
            ahead = np.where(seen, curve, 0)[:, start:]
            before = Z_OF_AIMS * (radius * np.sqrt(days))[:, None]
            held["interval of release 0.1"][:, start] = ahead[:, :days].sum(axis=1)[:, None] + before
            for rows, demand in demands(pool, labels, ahead, own, classes=classes, history=history):
                held["chosen"][rows, start] = demand.units(days, AIMS)
                for rule in (rule for rule in RULES if demand.tables.by_days or rule not in RULES_OF_SUMS):
                    held[rule][rows, start] = demand.units(days, AIMS, rule)
        for name, units in held.items():
            if np.isnan(units[counted]).any():
                continue
            short = (need - units[counted])[:, 1]
            cost = 100 * np.maximum(0.95 * short, -0.05 * short).sum() / max(need.sum(), 1e-9)
            service = (100 * (need <= units[counted] + 1e-9).mean(axis=0)).round(1).tolist()
            results[f"{name}, {days} days"] = {"service": service, "cost_per_100": round(float(cost), 2)}
    return results


def main() -> None:
    """Hold out, claim, compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=accuracy.SHIPPED)
    parser.add_argument("--store", nargs="*", default=[])
    parser.add_argument("--known", nargs="*", default=[])
    parser.add_argument("--static", nargs="*", default=[])
    parser.add_argument("--candidates", type=split, default=list(DEFAULT))
    parser.add_argument("--policy", default=None)
    parser.add_argument("--horizon", type=int, default=14)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--draw", type=int, default=0, help="which sample of --series, 0 = the first")
    parser.add_argument("--series", type=int, default=None)
    parser.add_argument("--no-plan", nargs="*", help="these known columns, or all, end with the sales")
    arguments = parser.parse_args()
    panel = accuracy.read(arguments)
    policy = {"policy": arguments.policy} if arguments.policy else {}
    settings = EvaluationSettings(
        candidates=tuple(arguments.candidates), horizon=arguments.horizon, n_splits=arguments.folds, **policy
    )
    began, models = accuracy.spent(), accuracy.Models(panel, settings.horizon)
    reports = []
    for back in range(arguments.windows, 0, -1):
        result = window(panel, panel.days - back * settings.horizon, settings, models)
        print(f"\nwindow {back} before the end")
        for name, value in result.items():
            print(f"  {name}: {json.dumps(value)}" if name != "stock" else "  stock:")
            if isinstance(value, dict) and name == "stock":
                for rule, one in value.items():
                    print(f"    {rule:24s} {json.dumps(one)}")
        reports.append(result)
    means = summary(reports)
    print("\nmeans over the windows")
    for name, value in means.items():
        print(f"  {name}: {json.dumps(value)}")
    print(
        json.dumps(
            {
                "series": len(panel.series),
                "cpu_s": round(accuracy.spent() - began, 1),
                "means": means,
                "windows": reports,
            }
        )
    )


if __name__ == "__main__":
    main()

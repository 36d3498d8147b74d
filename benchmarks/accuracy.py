"""How good are champions on days that nobody has seen?

Usage: python benchmarks/accuracy.py [--data FILE] [--store ID ...] [--known COLUMN ...] [--static COLUMN ...]
       [--horizon H] [--folds K] [--windows W] [--candidates A,B] [--series N] [--peer-series N]

Holds out the newest W windows of H days, one after the other. For each, candidates are backtested on the K
folds before it, every policy chooses champions from these folds alone, and the champions forecast the window.
Prints WAPE, bias, RMSE, RMSSE and interval coverage of every candidate and policy over all windows, and
statsforecast's on a sample of the same series where `make peers` has been run. Without --data it takes the
bakery sales that are shipped. The last line is one JSON object.
"""

import argparse
import datetime as dt
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import numpy as np
from numpy.typing import NDArray

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.panels import Calendar, densify
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.arrays import Floats
from forecast_assets.forecasting.core.backtest import Backtest, backtest
from forecast_assets.forecasting.core.candidates.catalogue import entry, is_global, learner, split
from forecast_assets.forecasting.core.demand import demand_classes, is_intermittent
from forecast_assets.forecasting.core.global_model import GlobalModel, fit, predict
from forecast_assets.forecasting.core.intervals import LEVELS, limits, spread_of
from forecast_assets.forecasting.core.isolation import isolated
from forecast_assets.forecasting.core.outlook import outlook
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.ranking import rank
from forecast_assets.settings import settings as environment

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "forecast_assets" / "data" / "bakery" / "sales.parquet"
PEERS = ROOT / ".venv-peers" / "bin" / "python"
PEER_MODELS = ("auto_ets_ana", "croston_sba", "tsb", "seasonal_naive")
_COST_SERIES = 200
CANDIDATES = (
    "naive",
    "seasonal_naive",
    "moving_average(window_size=28)",
    "croston_sba",
    "tsb",
    "ets",
    "lightgbm",
    "ensemble_mean",
)
POLICIES = {
    "lowest_error": {},
    "lowest_error, rmse": {"ranking_metric": "rmse"},
    "lowest_error, rmse if intermittent": {"intermittent_metric": "rmse"},
    "default_with_margin, lightgbm": {"policy": "default_with_margin", "default_model": "lightgbm"},
    "default_with_margin, ensemble_mean": {
        "policy": "default_with_margin",
        "default_model": "ensemble_mean",
    },
}


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What one method said of all held-out days: forecasts and limits (n, days), and how long it took."""

    units: Floats
    reach: Mapping[int, tuple[Floats, Floats]]


def read(arguments: argparse.Namespace) -> Panel:
    """The panel of a sales file, all of it or some stores and at most so many series."""
    columns = Columns(
        price="price" if "price" in arguments.known else None,
        known_future=tuple(name for name in arguments.known if name != "price"),
        static=tuple(arguments.static),
    )
    source = FileSource(path=arguments.data, columns=columns)
    reader = CanonicalReader(source, dataset="bench", today=dt.datetime.now(tz=dt.UTC).date())
    frames = {store: frame for store, frame in reader if not arguments.store or store in arguments.store}
    first, last = reader.summary.first_day, reader.summary.last_day
    if first is None or last is None or not frames:
        raise SystemExit(f"{arguments.data} has no sales of these stores")
    parts = [
        densify(
            frames[store],
            store,
            dataset="bench",
            calendar=Calendar(first, last, last),
            known=columns.roles,
            launch="first_sale",
        )[0]
        for store in sorted(frames, key=lambda store: f"{store}__")
    ]
    panel = Panel(
        series=np.concatenate([part.series for part in parts]),
        start=first,
        units=np.concatenate([part.units for part in parts]),
        known={name: np.concatenate([part.known[name] for part in parts]) for name in columns.known},
        static={name: np.concatenate([part.static[name] for part in parts]) for name in columns.static},
        roles=columns.roles,
        reach=_reach_of_plans(arguments.no_plan, columns.known),
    )
    marks = [blake2b(str(key).encode(), digest_size=8).digest() for key in panel.series]
    count = arguments.series or len(marks)
    first = count * arguments.draw
    kept = sorted(sorted(range(len(marks)), key=marks.__getitem__)[first : first + count])
    return panel.take(np.array(kept))


def _reach_of_plans(ended: Sequence[str] | None, known: Sequence[str]) -> dict[str, int]:
    """Columns whose plan ends with the sales: those named by ``--no-plan``, all of them if none is."""
    unknown = set(ended or ()) - set(known)
    if unknown:
        raise SystemExit(f"--no-plan {' '.join(sorted(unknown))}: no column of --known")
    return dict.fromkeys(known if ended == [] else ended or (), 0)


class Models:
    """Global models by origin: a window and the folds of the next one share them."""

    def __init__(self, panel: Panel, horizon: int) -> None:
        self._panel, self._horizon = panel, horizon
        self._models: dict[tuple[str, int], GlobalModel] = {}

    def at(self, label: str, origin: int) -> GlobalModel:
        """The model that knows the first ``origin`` days."""
        if (label, origin) not in self._models:
            history = self._panel.until(origin)
            self._models[label, origin] = fit(
                history, origin, self._horizon, learner(label).settings(), threads=environment().processes
            )
        return self._models[label, origin]

    def global_forecasts(
        self, cutoffs: NDArray[np.int64], panel: Panel, labels: Sequence[str]
    ) -> dict[str, Floats | str]:
        """Forecasts of the global candidates at every cutoff (n, k, h)."""
        threads = environment().processes
        return {
            label: np.stack(
                [predict(self.at(label, int(c)), panel, threads=threads) for c in cutoffs], axis=1
            )
            for label in filter(is_global, labels)
        }


def held_out(panel: Panel, settings: EvaluationSettings, windows: int) -> tuple[Floats, dict[str, Held]]:
    """Actual units of all held-out days (n, days), and what every candidate and policy forecast for them."""
    models = Models(panel, settings.horizon)
    parts: dict[str, list[Held]] = {}
    actual = []
    for back in range(windows, 0, -1):
        origin = panel.days - back * settings.horizon
        history = panel.until(origin)
        plan = settings.plan()
        cutoffs = plan.cutoffs(origin)
        done = backtest(
            history,
            cutoffs,
            plan,
            settings.candidates,
            models.global_forecasts(cutoffs, history, settings.candidates),
        )
        production = {label: models.at(label, origin) for label in filter(is_global, settings.candidates)}
        for name, labels in _choices(history, done, settings).items():
            forecasts = outlook(
                history, labels, production, settings.horizon, threads=environment().processes
            )
            parts.setdefault(name, []).append(Held(forecasts.units, _reach(done, labels, forecasts.units)))
        actual.append(panel.units[:, origin : origin + settings.horizon])
    return np.concatenate(actual, axis=1), {name: _joined(forecasts) for name, forecasts in parts.items()}


def _choices(history: Panel, done: Backtest, settings: EvaluationSettings) -> dict[str, list[str | None]]:
    """Who forecasts each series: one candidate for all, or the champions of a policy."""
    names = np.array(settings.candidates)
    intermittent = np.array([is_intermittent(one) for one in demand_classes(history.units)])
    chosen: dict[str, list[str | None]] = {
        label: [label] * len(history.series) for label in settings.candidates
    }
    for name, changes in POLICIES.items():
        if changes.get("default_model", names[0]) not in names:
            continue
        policy = settings.model_copy(update=changes).ranking_policy()
        winner = rank(done.scores, policy, intermittent=intermittent).winner
        # A series that cannot be ranked is forecast by the global model, as the product does.
        chosen[f"champions by {name}"] = [str(names[w]) if w >= 0 else "lightgbm" for w in winner]
    return chosen


def _reach(done: Backtest, labels: Sequence[str | None], units: Floats) -> dict[int, tuple[Floats, Floats]]:
    place = {label: at for at, label in enumerate(done.scores.candidates)}
    own = np.array([place[str(label)] for label in labels])
    forecast = done.forecasts[own, np.arange(len(own))]
    return limits(spread_of(done.actual, forecast, done.folds), units)


def _joined(parts: Sequence[Held]) -> Held:
    reach = {
        level: tuple(np.concatenate([part.reach[level][side] for part in parts], axis=1) for side in (0, 1))
        for level in LEVELS
    }
    return Held(np.concatenate([part.units for part in parts], axis=1), reach)  # type: ignore[arg-type]  # pairs


def spent() -> float:
    """Processor seconds of this process and of its children that have ended."""
    used = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def costs(panel: Panel, settings: EvaluationSettings) -> dict[str, float]:
    """Processor milliseconds per series and fold: local candidates on a sample, global ones on all."""
    sample = panel.take(np.unique(np.linspace(0, len(panel.series) - 1, _COST_SERIES).astype(np.int64)))
    cutoffs = settings.plan().cutoffs(panel.days)
    results = {}
    for label in settings.candidates:
        if entry(label).scope == "evaluation":
            continue
        began = spent()
        if is_global(label):
            Models(panel, settings.horizon).global_forecasts(cutoffs[-1:], panel, [label])
            fits = len(panel.series)
        else:
            isolated(label, sample, cutoffs, settings.horizon, None)
            fits = len(sample.series) * len(cutoffs)
        results[label] = round(1000 * (spent() - began) / fits, 4)
    return results


def measured(actual: Floats, held: Held, scale: NDArray[np.float64]) -> dict[str, float]:
    """WAPE, bias and RMSE of all days together, mean RMSSE over series, coverage in percent."""
    is_known = ~np.isnan(actual) & np.isfinite(held.units)
    error = np.where(is_known, actual.astype(np.float64) - held.units, 0)
    sold = np.where(is_known, actual, 0).sum(dtype=np.float64)
    count = is_known.sum(axis=1)
    squares = (error * error).sum(axis=1)
    usable = (count > 0) & (scale > 0)
    figures = {
        "wape": 100 * np.abs(error).sum() / sold,
        "bias": error.sum() / is_known.sum(),
        "rmse": float(np.sqrt(squares.sum() / is_known.sum())),
        "rmsse": float(np.sqrt(squares[usable] / count[usable] / scale[usable]).mean()),
    }
    for level, (lower, upper) in held.reach.items():
        inside = is_known & np.isfinite(upper)
        hit = inside & (actual >= lower) & (actual <= upper)
        figures[f"coverage_{level}"] = 100 * hit.sum() / max(int(inside.sum()), 1)
    return {name: round(float(value), 4) for name, value in figures.items()}


def scale_of(panel: Panel, origin: int) -> NDArray[np.float64]:
    """Mean squared one-day change (n,) before ``origin``: what RMSSE divides by."""
    change = np.diff(panel.units[:, :origin].astype(np.float64), axis=1)
    seen = ~np.isnan(change)
    total = np.where(seen, change * change, 0).sum(axis=1)
    mean: NDArray[np.float64] = np.divide(
        total, seen.sum(axis=1), out=np.zeros(len(total)), where=seen.any(axis=1)
    )
    return mean


def peers(panel: Panel, horizon: int, windows: int) -> dict[str, Floats]:
    """Forecasts (n, days) by statsforecast; unobserved days become zeros, as it needs numbers."""
    first = panel.first
    filled = np.where(np.isnan(panel.units) & (np.arange(panel.days) >= first[:, None]), 0, panel.units)
    cutoffs = panel.days - horizon * np.arange(windows, 0, -1)
    with tempfile.TemporaryDirectory() as folder:
        source, answer = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(source, units=filled, cutoffs=cutoffs, horizon=horizon)
        program = ROOT / "benchmarks" / "peers" / "statsforecast_forecasts.py"
        subprocess.run([PEERS, program, source, answer, *PEER_MODELS], check=True, stderr=subprocess.DEVNULL)
        with np.load(answer) as arrays:
            return {name: arrays[name].reshape(len(filled), -1).astype(np.float32) for name in arrays}


def table(title: str, figures: Mapping[str, Mapping[str, float]]) -> None:
    """Print one line per method, the lowest WAPE first."""
    columns = ("wape", "bias", "rmse", "rmsse", "coverage_80", "coverage_95")
    print(f"\n{title}\n{'':44s}" + "".join(f"{name:>12s}" for name in columns))
    for name, row in sorted(figures.items(), key=lambda item: item[1]["wape"]):
        print(f"{name:44s}" + "".join(f"{row[c]:12.3f}" if c in row else " " * 12 for c in columns))


def main() -> None:
    """Hold out, forecast, compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=SHIPPED)
    parser.add_argument("--store", nargs="*", default=[])
    parser.add_argument("--known", nargs="*", default=None)
    parser.add_argument("--static", nargs="*", default=[])
    parser.add_argument("--candidates", type=split, default=list(CANDIDATES))
    parser.add_argument("--horizon", type=int, default=14)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--draw", type=int, default=0, help="which sample of --series, 0 = the first")
    parser.add_argument("--series", type=int, default=None)
    parser.add_argument("--no-plan", nargs="*", help="these known columns, or all, end with the sales")
    parser.add_argument("--peer-series", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.known is None:
        arguments.known = ["promo", "is_holiday", "is_school_holiday"] if arguments.data == SHIPPED else []
    panel = read(arguments)
    settings = EvaluationSettings(
        candidates=tuple(arguments.candidates), horizon=arguments.horizon, n_splits=arguments.folds
    )
    began = spent()
    actual, held = held_out(panel, settings, arguments.windows)
    scale = scale_of(panel, panel.days - arguments.windows * arguments.horizon)
    figures = {name: measured(actual, forecast, scale) for name, forecast in held.items()}
    cpu_s = spent() - began
    table(
        f"{len(panel.series):,} series, {arguments.windows} windows of {arguments.horizon} days held out, "
        f"chosen on the {arguments.folds} folds before each; {cpu_s:.0f} CPU s",
        figures,
    )
    cost = costs(panel, settings)
    print("\nprocessor milliseconds per series and fold: " + ", ".join(f"{n} {c:g}" for n, c in cost.items()))
    singles = {name: row for name, row in figures.items() if not name.startswith("champions")}
    champions = {name: row for name, row in figures.items() if name.startswith("champions")}
    best, chosen = (min(rows, key=lambda name: rows[name]["wape"]) for rows in (singles, champions))
    print(
        f"\n{chosen}: WAPE {champions[chosen]['wape']:.2f} %; the best single candidate, {best}: "
        f"{singles[best]['wape']:.2f} %"
    )
    report = {
        "series": len(panel.series),
        "cpu_s": cpu_s,
        "cost_ms": cost,
        "figures": figures,
        "best_single": best,
        "best_policy": chosen,
    }
    if PEERS.exists():
        report["peers"] = compared(panel, actual, held, scale, arguments)
    print(json.dumps(report))


def compared(
    panel: Panel,
    actual: Floats,
    held: Mapping[str, Held],
    scale: NDArray[np.float64],
    arguments: argparse.Namespace,
) -> dict[str, dict[str, float]]:
    """The policies and statsforecast on the same sample of series."""
    rows = np.linspace(0, len(panel.series) - 1, min(arguments.peer_series, len(panel.series))).astype(
        np.int64
    )
    is_known = panel.first[rows] < panel.days - arguments.windows * arguments.horizon
    rows = rows[is_known]
    forecasts = peers(panel.take(rows), arguments.horizon, arguments.windows)
    report = {
        f"statsforecast {name}": measured(actual[rows], Held(units, {}), scale[rows])
        for name, units in forecasts.items()
    }
    for name, one in held.items():
        if name.startswith("champions"):
            reach = {level: (lower[rows], upper[rows]) for level, (lower, upper) in one.reach.items()}
            report[name] = measured(
                actual[rows], replace(one, units=one.units[rows], reach=reach), scale[rows]
            )
    table(f"the same on {len(rows)} of these series, beside statsforecast", report)
    return report


if __name__ == "__main__":
    main()

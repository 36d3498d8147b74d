"""Learning a pool: the folds of which series, and what is learned while global models are still fitted.

Belongs here: which series are pooled, their fold forecasts, the order of the work.
Does not belong here: what is learned (``forecasting.core.pool``), when, and where it is kept (``pooling``).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event

import numpy as np
from numpy.typing import NDArray

from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.arrays import Forecasts
from forecast_assets.forecasting.core.candidates.catalogue import entry, is_blend, is_global, members
from forecast_assets.forecasting.core.claims import with_corrected_claims
from forecast_assets.forecasting.core.demand import demand_classes
from forecast_assets.forecasting.core.error_learning import FoldErrors
from forecast_assets.forecasting.core.folds import FoldPlan, eligible
from forecast_assets.forecasting.core.hashing import hashed
from forecast_assets.forecasting.core.isolation import isolated
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.pool import Pool, learn_pool
from forecast_assets.forecasting.version import code_version
from forecast_assets.global_models.look_alikes import LOOK_ALIKE, look_alike_curves
from forecast_assets.settings import settings as environment

# Enough for twenty levels in every class of demand; the cost does not grow with the dataset.
MOST_SERIES = 1500
_SEED = 17


@dataclass(frozen=True, slots=True, eq=False)
class PoolInputs:
    """What a pool is learned from: the whole panel, content hashes (n,), cutoffs, global fold forecasts.

    ``forecasts`` reads them, since a pool that is kept needs none; ``fits`` tells the fits of global
    candidates apart.
    """

    panel: Panel
    contents: NDArray[np.str_]
    cutoffs: NDArray[np.int64]
    forecasts: Callable[[], Mapping[str, Forecasts | str]]
    fits: str = ""

    def sampled(self) -> tuple[NDArray[np.int64], dict[str, str]]:
        """Return the rows of the pooled series, rising, and their content hashes by key."""
        rows = sampled(self.panel)
        return rows, dict(zip(self.panel.series[rows].tolist(), self.contents[rows].tolist(), strict=True))


class EarlyPool:
    """A pool that is learned in a thread, which waits for global forecasts when it needs them.

    It begins when ``turn`` is set: it would take processors away from rows that fits wait for.
    """

    def __init__(
        self, settings: EvaluationSettings, inputs: PoolInputs, rows: NDArray[np.int64], turn: Event
    ) -> None:
        self._turn = turn
        self._forecasts: Future[Mapping[str, Forecasts | str]] = Future()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pool")
        # Whoever records the fits asks for it, and would wait.
        self._thread.submit(code_version)
        self._thread.submit(turn.wait)
        waiting = replace(inputs, forecasts=self._forecasts.result)
        self._pool = self._thread.submit(learn, settings, waiting, rows)

    def finished(self, forecasts: Mapping[str, Forecasts | str]) -> Pool:
        """Hand over the global fold forecasts and return the pool."""
        self._turn.set()
        self._forecasts.set_result(forecasts)
        return self._pool.result()

    def end(self) -> None:
        """Let a thread that still waits go."""
        self._turn.set()
        self._forecasts.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)


def learn(settings: EvaluationSettings, inputs: PoolInputs, rows: NDArray[np.int64]) -> Pool:
    """Learn the pool of the series ``rows``; nothing is stored.

    What needs no global forecasts is learned before they are asked for.
    """
    panel, plan = inputs.panel.take(rows), settings.plan()
    classes = demand_classes(panel.units)
    folds, counted = _folds(panel, inputs.cutoffs, plan, classes)
    # LOOK_ALIKE is no candidate, but what series without a champion may be forecast by.
    alike = {LOOK_ALIKE: look_alike_curves(panel, inputs.cutoffs, plan.horizon)}
    local: dict[str, Forecasts] = {}
    for label in filter(_is_pooled_alone, settings.candidates):
        ahead, _ = isolated(label, panel, inputs.cutoffs, plan.gap + plan.horizon, plan.window())
        local[label] = ahead[:, :, plan.gap :]
    learned_alone = {label: folds.learn(curve) for label, curve in (local | alike).items()}
    forecasts, reasons = _with_global(settings, local, inputs.forecasts(), rows)
    blends = {
        label: tuple(name for name in members(label) if name in forecasts)
        for label in settings.candidates
        if is_blend(label)
    }
    pool = learn_pool(
        forecasts | alike,
        {label: names for label, names in blends.items() if names == members(label)},
        folds,
        reasons=reasons,
        learned=learned_alone,
        threads=environment().processes,
    )
    for label in pool.blends:
        forecasts[label] = pool.medians(label, pool.curve(label, members(label), forecasts, classes))
    return with_corrected_claims(
        pool, forecasts, settings.ranking_policy(), actual=folds.actual, folds=counted, classes=classes
    )


def _folds(
    panel: Panel, cutoffs: NDArray[np.int64], plan: FoldPlan, classes: Sequence[str | None]
) -> tuple[FoldErrors, NDArray[np.bool_]]:
    """What errors are learned beside, and which folds (n, k) count."""
    actual = panel.units[:, cutoffs[:, None] + plan.gap + np.arange(plan.horizon)]
    counted = eligible(panel.units, cutoffs, plan)
    newest = [panel.until(int(cutoff)).newest(panel.frequency.year // 2) for cutoff in cutoffs]
    return FoldErrors.of(actual, counted, classes, np.stack(newest, axis=1)), counted


def _is_pooled_alone(label: str) -> bool:
    """Whether a candidate forecasts each series alone, and fast enough to pool."""
    listed = entry(label)
    return not (listed.scope == "evaluation" or listed.foreign or is_global(label))


def _with_global(
    settings: EvaluationSettings,
    local: Mapping[str, Forecasts],
    global_forecasts: Mapping[str, Forecasts | str],
    rows: NDArray[np.int64],
) -> tuple[dict[str, Forecasts], dict[str, str]]:
    """Fold forecasts of all candidates but blends, in their order, and why there are none of some."""
    forecasts: dict[str, Forecasts] = {}
    reasons: dict[str, str] = {}
    for label in settings.candidates:
        if label in local:
            forecasts[label] = local[label]
        elif is_global(label):
            ahead = global_forecasts[label]
            if isinstance(ahead, str):
                reasons[label] = ahead
            else:
                forecasts[label] = ahead[rows]
        elif entry(label).foreign:
            reasons[label] = "it runs series by series in a process of its own, which is too slow to pool"
    return forecasts, reasons


def sampled(panel: Panel) -> NDArray[np.int64]:
    """Return the rows of the pooled series, rising; chosen by the hash of store and product."""
    keys = [key.split("__", 1)[-1] for key in panel.series.tolist()]
    order = np.argsort(hashed(keys, _SEED), kind="stable")
    return np.sort(order[:MOST_SERIES])

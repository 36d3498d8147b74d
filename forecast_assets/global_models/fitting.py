"""Fit a global model, or reuse one that learned from nearly the same days: the one place for both.

Belongs here: what a fit learns from, when that has changed too much, keeping a model by what it learned from.
Does not belong here: which models are needed (``fold_models``, ``production``, launches, drift).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Event, Lock
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.candidates.catalogue import learner
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.global_model import GlobalModel, TooLittleData, fit
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.version import code_version
from forecast_assets.global_models.store import load_models, write_model
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores

Models = list[GlobalModel]
_AT_ONCE = 3


class Outcome(NamedTuple):
    """Models by cutoff, or why there are none; ``changed`` is the share of training days that changed."""

    models: Models | str
    changed: float
    is_reused: bool


@dataclass(frozen=True, slots=True, eq=False)
class TrainingDays:
    """What the global models of one run learn from; ``contents`` (n,) are hashes of each series' history.

    ``gathered`` is set as soon as a fit needs Python no more.
    """

    panel: Panel
    contents: NDArray[np.str_]
    plan: FoldPlan
    gathered: Event = field(default_factory=Event)

    @classmethod
    def of(cls, panel: Panel, plan: FoldPlan) -> Self:
        """Hash the history of every series of ``panel``."""
        return cls(panel, np.array(panel.content_hashes(with_future=False)), plan)

    def by_series(self) -> dict[str, str]:
        """Content hash by series key."""
        return dict(zip(self.panel.series.tolist(), self.contents.tolist(), strict=True))

    def differing(self, learned: Mapping[str, str]) -> NDArray[np.bool_]:
        """Which series (n,) are not what they were when their hashes were ``learned``."""
        return np.array([learned.get(key) != content for key, content in self.by_series().items()], bool)

    def changed(self, learned: Mapping[str, str]) -> float:
        """Share of observed days that lie in series which differ."""
        observed = (~np.isnan(self.panel.units)).sum(axis=1)
        return float(observed[self.differing(learned)].sum() / max(int(observed.sum()), 1))

    def fit(self, label: str, cutoffs: Sequence[int]) -> Models | str:
        """Fit the candidate ``label`` once for each cutoff; return the reason where it cannot be learned."""
        # Threads of one fit wait for each other at every split, fits do not; few at a time bound the memory.
        processes = environment().processes
        at_once = max(1, min(len(cutoffs), _AT_ONCE if processes > 1 else 1))
        gathering = _Turns(at_once, self.gathered)

        def fitted(cutoff: int) -> GlobalModel:
            return fit(
                self.panel,
                cutoff,
                self.plan.gap + self.plan.horizon,
                learner(label).settings(),
                window=self.plan.window(),
                threads=max(1, processes // at_once),
                gathering=gathering,
            )

        pool = ThreadPoolExecutor(at_once)
        try:
            return list(pool.map(fitted, cutoffs))
        except (TooLittleData, BadSetting) as error:
            return error.problem
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _Turns:
    """Lets one thread after the other in; ``over`` is set after so many ``turns``."""

    def __init__(self, turns: int, over: Event) -> None:
        self._turns, self._over, self._lock = turns, over, Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._turns -= 1
        if self._turns <= 0:
            self._over.set()
        self._lock.release()


def fit_or_reuse(
    days: TrainingDays,
    label: str,
    cutoffs: Sequence[int],
    *,
    learned: Mapping[str, str] | None,
    stored: Callable[[], Models | str],
) -> Outcome:
    """Reuse what is ``stored`` while at most FORECAST_GLOBAL_REFIT_SHARE of the training days changed.

    ``learned`` are the content hashes by series of the stored fit, or ``None`` where there is none that
    fits recipe and anchor.
    """
    changed = 1.0 if learned is None else days.changed(learned)
    if learned is not None and changed <= environment().global_refit_share:
        return Outcome(stored(), changed, is_reused=True)
    return Outcome(days.fit(label, cutoffs), changed, is_reused=False)


def fit_or_load(
    stores: Stores,
    folder: str,
    recipe: str,
    label: str,
    cutoff: int,
    *,
    identity: object,
    days: Callable[[], TrainingDays],
) -> GlobalModel | str:
    """Return the model that ``folder`` keeps under ``identity``, else fit it for one cutoff and keep it.

    ``identity`` is all that may differ between two fits of the same ``recipe``; a reason is not kept.
    """
    text = repr((recipe, cutoff, identity)).encode()
    path = f"{folder}/{blake2b(text, digest_size=12).hexdigest()}"
    if kept := load_models(stores, path):
        return kept[0]
    fitted = days().fit(label, [cutoff])
    if isinstance(fitted, str):
        return fitted
    write_model(stores, path, cutoff, fitted[0])
    return fitted[0]


def recipe(label: str, plan_steps: Mapping[str, int]) -> str:
    """Equal as long as code and settings would learn the same from the same days; 16 hex characters.

    ``plan_steps``: columns that are not known over the whole horizon, and for how many days they are.
    """
    text = f"{code_version()}{learner(label).settings()!r}{dict(plan_steps) or ''}"
    return blake2b(text.encode(), digest_size=8).hexdigest()

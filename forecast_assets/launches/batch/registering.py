"""Registering what a batch has trained and scored: the operation ``train_backtest_register``.

Belongs here: the metrics, the forecast and the model version of every item, in this order.
Does not belong here: which batches may register (``request``), what a version is made of (``registry``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock

from forecast_assets.launches.batch.request import BatchSpec
from forecast_assets.launches.batch.scoring import score
from forecast_assets.launches.batch.training import TrainingContext, make
from forecast_assets.launches.model import Item, ItemResult
from forecast_assets.launches.scoring_context import ScoringContext
from forecast_assets.registry.override import Override
from forecast_assets.registry.registration import Registered, register
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry

_REASON = "a batch asked for this candidate"


class Registrar:
    """Scores, makes and registers groups of items; groups take turns at the registry."""

    def __init__(
        self,
        stores: Stores,
        registry: Registry,
        spec: BatchSpec,
        scoring: ScoringContext,
        training: TrainingContext,
    ) -> None:
        self._stores, self._registry, self._spec = stores, registry, spec
        self._scoring, self._training = scoring, training
        self._turn = Lock()

    def work(self, items: Sequence[Item]) -> list[ItemResult]:
        """End every item with its metrics, its forecast and its version, or with the first that it lacks."""
        ended = {one.item_id: one for one in score(self._scoring, items)}
        for step in (self._make, self._register):
            good = [item for item in items if ended[item.item_id].error is None]
            ended |= step(good, ended)
        return list(ended.values())

    def _make(self, items: Sequence[Item], scored: Mapping[int, ItemResult]) -> dict[int, ItemResult]:
        results = make(self._stores, self._spec, self._training, items)
        return {
            one.item_id: one if one.error else _with(scored[one.item_id], one.outputs or {})
            for one in results
        }

    def _register(self, items: Sequence[Item], results: Mapping[int, ItemResult]) -> dict[int, ItemResult]:
        by_label: dict[str, list[str]] = {}
        for item in items:
            by_label.setdefault(item.candidate, []).append(item.series)
        with self._turn:
            registered = {
                (one.series, label): one for label, keys in by_label.items() for one in self._of(label, keys)
            }
        return {
            item.item_id: _with_version(results[item.item_id], registered[item.series, item.candidate])
            for item in items
        }

    def _of(self, label: str, keys: Sequence[str]) -> list[Registered]:
        chosen = Override(label, _REASON)
        run_id = self._spec.run_id
        return list(
            register(self._stores, self._registry, keys, run_id=run_id, override=chosen, challenge=False)
        )


def _with_version(done: ItemResult, registered: Registered) -> ItemResult:
    if registered.row is None:
        return ItemResult(done.item_id, None, f"not registered: {registered.sentence}", "NotRegistered")
    version = {"model_version": registered.row["version"]}
    return replace(_with(done, version), child_run_id=str(registered.row["mlflow_run"]))


def _with(scored: ItemResult, outputs: Mapping[str, object]) -> ItemResult:
    """Return the result of a scored item with the outputs that were written of it."""
    return replace(scored, outputs={**(scored.outputs or {}), **outputs})

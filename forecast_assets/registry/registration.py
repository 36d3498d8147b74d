"""Register champions: bundles among MLflow's files, one model version per series, the alias challenger.

Belongs here: what the asset ``registered_champion`` does, so that any job can do the same.
Does not belong here: what is in a bundle (``bundle``), what becomes live (``promotion``), Dagster.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from forecast_assets.datasets.definition import load
from forecast_assets.errors import UnknownName
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.outlook import Models, needed
from forecast_assets.forecasting.version import code_version
from forecast_assets.forecasts.block import measured
from forecast_assets.forecasts.service import ForecastInputs, ForecastRequest, load_inputs
from forecast_assets.global_models import production
from forecast_assets.keys import SeriesKey
from forecast_assets.registry.bundle import Bundle
from forecast_assets.registry.override import Override
from forecast_assets.registry.promotion import CHALLENGER, CHAMPION, rolled_back, why_not_offered
from forecast_assets.registry.saving import artifact_hash, save
from forecast_assets.registry.versions import KINDS, described, tags
from forecast_assets.stores import Stores
from forecast_assets.stores.model_versions import NewVersion
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.evaluations import ChampionsOfRow
from forecast_assets.stores.rows.registry import ModelVersionsOfRow, RolledBackVersionsRow

# Series of one store in one bundle: some megabytes, read in one piece.
BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Registered:
    """What came out for one series, always with a sentence; ``row`` is its row of ``model_version``."""

    series: str
    outcome: Literal["registered", "unchanged", "none"]
    sentence: str
    row: Mapping[str, Any] | None = None


def register(
    stores: Stores,
    registry: Registry,
    keys: Sequence[str],
    *,
    run_id: str,
    override: Override | None = None,
    challenge: bool = True,
) -> Iterator[Registered]:
    """Register the champions of the series ``keys``, and let the alias challenger of each mean its version.

    With ``challenge`` false no alias is touched. What a series' forecast is made from identifies its version:
    unchanged, nothing is written. A series without a champion has no version. Raises ``BadSetting`` for an
    override that was never a candidate.
    """
    for name, members in groupby(sorted(keys), key=lambda key: SeriesKey.parse(key).dataset):
        dataset = load(stores, name)
        if override is not None:
            override.check(dataset)
        if override is not None and needed([override.candidate]):
            production.build(stores, dataset, run_id=run_id, also=[override.candidate])
        work = load_inputs(stores, dataset, list(members), ForecastRequest())
        yield from _Registration(stores, registry, work, override, run_id, challenge=challenge).each()
        for key in work.gone:
            yield Registered(key, "none", "the newest snapshot no longer delivers it")


class _Registration:
    """One pass over the series of a dataset."""

    def __init__(
        self,
        stores: Stores,
        registry: Registry,
        work: ForecastInputs,
        override: Override | None,
        run_id: str,
        *,
        challenge: bool,
    ) -> None:
        self._stores, self._registry, self._work = stores, registry, work
        self._override, self._run_id, self._challenge = override, run_id, challenge
        self._labels = [self._label(row) for row in work.champions]
        self._keys: list[str] = work.panel.series.tolist()
        series = [key for key, label in zip(self._keys, self._labels, strict=True) if label is not None]
        self._aliases = registry.aliases(series) if series else {}
        self._rejected = rolled_back(stores, series) if series else {}
        self._known = {
            (row["series"], row["recipe"]): row
            for row in stores.warehouse.rows(ModelVersionsOfRow, series=series)
        }

    def _label(self, champion: ChampionsOfRow | None) -> str | None:
        if champion is None or champion["champion"] is None:
            return None
        return champion["champion"] if self._override is None else self._override.candidate

    def _recipe(self, at: int) -> str:
        chosen = self._work.champions[at]
        champion = None if chosen is None else chosen["champion"]
        # Who names the champion overrides nothing: it is the same version.
        reason = self._override.reason if self._override and self._labels[at] != champion else ""
        text = f"{self._keys[at]}|{self._work.fingerprints[at]}|{self._labels[at]}|{reason}"
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def each(self) -> Iterator[Registered]:
        new: list[int] = []
        for at, key in enumerate(self._keys):
            if self._labels[at] is None:
                yield Registered(key, "none", "it has no champion to register")
            elif (row := self._known.get((key, self._recipe(at)))) and (same := self._unchanged(key, row)):
                yield same
            else:
                new.append(at)
        by_store = groupby(new, key=lambda at: SeriesKey.parse(self._keys[at]).store)
        for _, members in by_store:
            rows = list(members)
            for start in range(0, len(rows), BLOCK):
                yield from self._block(rows[start : start + BLOCK])

    def _unchanged(self, key: str, row: ModelVersionsOfRow) -> Registered | None:
        """The outcome for a series whose version is there already; nothing when MLflow has it no more."""
        number = row["version"]
        try:
            if not self._challenge and self._registry.version(key, number) is None:
                return None
            rejected = self._point(key, number)
        except UnknownName:
            return None
        sentence = f"version {number} is what it was"
        if rejected is not None:
            sentence = f"{sentence}; {why_not_offered(rejected)}"
        return Registered(key, "unchanged", sentence, row)

    def _point(self, key: str, number: int) -> RolledBackVersionsRow | None:
        """Let the challenger be this version, or nobody where it is live already, or was rolled back.

        Return the decision by which it was rolled back. Raises ``UnknownName`` for a version that is gone.
        """
        if not self._challenge:
            return None
        held, rejected = self._aliases.get(key, {}), self._rejected.get((key, number))
        if held.get(CHAMPION) == number or rejected is not None:
            if CHALLENGER in held and (rejected is None or held[CHALLENGER] == number):
                self._registry.drop_alias(key, CHALLENGER)
        elif held.get(CHALLENGER) != number:
            self._registry.move_alias(key, CHALLENGER, number)
        return rejected

    def _point_all(self, numbers: Mapping[str, int]) -> None:
        """Let the challenger of each series be its version, as ``_point`` does for one."""
        plain = {
            key: number
            for key, number in numbers.items()
            if self._aliases.get(key, {}).get(CHAMPION) != number and (key, number) not in self._rejected
        }
        if self._challenge:
            self._registry.move_aliases(CHALLENGER, plain)
        for key in numbers.keys() - plain.keys():
            self._point(key, numbers[key])

    def _block(self, rows: list[int]) -> Iterator[Registered]:
        bundle, failures = self._bundle(rows)
        for at, why in failures.items():
            yield Registered(self._keys[at], "none", f"{self._labels[at]}: {why}")
        good = [at for at in rows if at not in failures]
        if not good:
            return
        dataset = self._work.dataset
        experiment, run = self._registry.run(
            dataset.name,
            self._run_id,
            {"dataset": dataset.name, "snapshot": dataset.built().hash, "code_version": code_version()},
        )
        recipes = {self._keys[at]: self._recipe(at) for at in good}
        path = f"bundles/{self._keys[good[0]]}-{_mark(recipes)}"
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder, "model")
            save(bundle, model)
            sha = artifact_hash(model)
            self._registry.store(run, model, path)
        reason = self._override.reason if self._override else None
        descriptions = described(self._stores, self._work, self._labels, good, reason)
        about = {"dataset": dataset.name}
        new_versions = [
            NewVersion(key, recipe, run, path, tags(descriptions[key], sha, recipe), about)
            for key, recipe in recipes.items()
        ]
        numbers = self._registry.add_versions(new_versions)
        full = [
            descriptions[key]
            | {
                "version": numbers[key],
                "recipe": recipes[key],
                "run_id": self._run_id,
                "experiment": experiment,
                "mlflow_run": run,
                "path": path,
                "artifact_sha256": sha,
            }
            for key in recipes
        ]
        frame = pl.DataFrame(full, schema_overrides=KINDS, infer_schema_length=None)
        with self._stores.warehouse.transaction() as connection:
            self._stores.warehouse.replace(connection, "model_version", frame, keys=["series", "version"])
        gone = self._forget_gone(numbers, recipes)
        self._registry.end(run)
        self._point_all(numbers)
        for row in full:
            key: str = row["series"]
            warning = f"; {row['warning']}" if row["warning"] else ""
            lost = (
                f"; version {gone[key]} is gone from MLflow, this one waits for a decision"
                if key in gone
                else ""
            )
            sentence = f"version {row['version']}: {row['candidate']}{warning}{lost}"
            yield Registered(key, "registered", sentence, row)

    def _forget_gone(self, numbers: Mapping[str, int], recipes: Mapping[str, str]) -> dict[str, int]:
        """Forget versions that MLflow has no more, and whose place others have taken; return them."""
        rows = {key: self._known.get((key, recipe)) for key, recipe in recipes.items()}
        gone = {key: row["version"] for key, row in rows.items() if row is not None}
        others = {key: version for key, version in gone.items() if version != numbers[key]}
        if others:
            self._stores.warehouse.execute(
                "delete_versions", series=list(others), versions=list(others.values())
            )
        return gone

    def _bundle(self, rows: list[int]) -> tuple[Bundle, dict[int, str]]:
        """The bundle of some series, without those whose candidate gives no forecast."""
        work, models = self._work, self._work.models.models
        failures = {at: why for at in rows if (why := _absent(str(self._labels[at]), models)) is not None}
        bundle = self._bundled([at for at in rows if at not in failures])
        if len(bundle.labels):
            units = bundle.forecast()["units"]
            lost = np.flatnonzero(~np.isfinite(units).all(axis=1)).tolist()
            place = {key: at for at, key in zip(rows, work.panel.series[rows].tolist(), strict=True)}
            failures |= {
                place[str(bundle.panel.series[row])]: "it gives no number for some of its periods"
                for row in lost
            }
            if lost:
                bundle = self._bundled([at for at in rows if at not in failures])
        return bundle, failures

    def _bundled(self, rows: list[int]) -> Bundle:
        work = self._work
        labels = [str(self._labels[at]) for at in rows]
        chosen = [work.champions[at] for at in rows]
        champions = [
            None if row is None else ChampionsOfRow({**row, "champion": label})
            for row, label in zip(chosen, labels, strict=True)
        ]
        panel = work.panel.take(np.array(rows, np.int64))
        models = {name: work.models.models[name] for name in needed(labels)}
        return Bundle(
            panel=panel,
            labels=labels,
            models={name: model for name, model in models.items() if isinstance(model, GlobalModel)},
            pool=work.models.pool,
            own=measured(self._stores, champions, panel, work.models.pool),
            horizon=work.horizon,
            window=work.dataset.options.evaluation.plan().window(),
            gap=work.gap,
        )


def _mark(recipes: Mapping[str, str]) -> str:
    return blake2b("".join(recipes.values()).encode(), digest_size=6).hexdigest()


def _absent(label: str, models: Models) -> str | None:
    """Why a global model that a candidate needs is not there."""
    for name in needed([label]):
        model = models.get(name, f"no production model of {name}")
        if isinstance(model, str):
            return model
    return None

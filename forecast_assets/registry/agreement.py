"""Do warehouse, lake and registry speak of the same things? One restored or lost alone makes them disagree.

Belongs here: finding what one store speaks of and another does not have, and making them agree again.
Does not belong here: a backup of all of them (``stores.backup``), aliases somebody moved (``promotion``).

The warehouse decides what is known: results whose files are lost are forgotten, so that the next evaluation
makes them; versions that MLflow lost, or whose files are not what was registered, are forgotten, so that
they are registered again; aliases that mean a version nobody knows go back to what was decided. Nothing is
deleted from MLflow or from the lake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forecast_assets.errors import listed
from forecast_assets.registry.promotion import CHAMPION, PREVIOUS, notice
from forecast_assets.registry.verification import verified
from forecast_assets.rendering.numbers import plural
from forecast_assets.stores import Stores, mlflow_backend
from forecast_assets.stores.database import connected, database_url
from forecast_assets.stores.paths import MODELS
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.operations import LakeNeedsRow
from forecast_assets.stores.rows.registry import PromotionStatesRow, RegisteredVersionsRow

Model = tuple[str, int]


@dataclass(frozen=True, slots=True)
class StrayAlias:
    """An alias that means a version of which the warehouse knows nothing; ``target`` is where it belongs."""

    series: str
    alias: str
    version: int
    target: int | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the stores say differently.

    ``lost_results``: rows with kind, dataset and key whose files the lake lacks. ``lost_versions``: versions
    of the warehouse that MLflow lacks, or whose files are gone. ``damaged_versions``: versions that an alias
    means and whose files are not what was registered, with the reason. ``stray_aliases``: see there.
    ``moved_from``: the folder below which MLflow looks for files that lie below ours.
    """

    lost_results: Sequence[LakeNeedsRow]
    lost_versions: Sequence[Model]
    damaged_versions: Mapping[Model, str]
    stray_aliases: Sequence[StrayAlias]
    moved_from: str | None

    @property
    def useless_versions(self) -> list[Model]:
        """Versions from which nothing can be computed any more."""
        return [*self.lost_versions, *self.damaged_versions]

    def sentences(self) -> list[str]:
        """One sentence for each kind of disagreement; none when the stores agree."""
        sentences = []
        if self.moved_from:
            sentences.append(
                f"MLflow looks for files of models in {self.moved_from} instead of "
                f"{mlflow_backend.artifacts_url()}: the lake was moved or copied"
            )
        if self.lost_results:
            kinds = sorted({f"{row['kind']} of {row['dataset']}" for row in self.lost_results})
            sentences.append(
                f"the lake lacks the files of {plural(len(self.lost_results), 'result')} ({listed(kinds)})"
            )
        if self.lost_versions:
            names = [f"{series} version {number}" for series, number in self.lost_versions]
            sentences.append(
                f"MLflow or its files lack {plural(len(names), 'registered version')} ({listed(names)})"
            )
        if self.damaged_versions:
            names = [
                f"{series} version {number}: {why}" for (series, number), why in self.damaged_versions.items()
            ]
            sentences.append(
                f"{plural(len(names), 'registered version')} cannot be used ({listed(names)}); "
                "put the files back from a backup, or forget them"
            )
        if self.stray_aliases:
            names = [f"{one.series}@{one.alias}" for one in self.stray_aliases]
            sentences.append(
                f"the warehouse does not know the versions that {len(names):,} aliases mean "
                f"({listed(names)}): it is older than MLflow"
            )
        return sentences

    def next_steps(self) -> list[str]:
        """What to run once the stores agree, to have again what was lost."""
        rebuilt = sorted({row["dataset"] for row in self.lost_results if row["kind"] == "snapshot"})
        datasets = sorted({row["dataset"] for row in self.lost_results} - set(rebuilt))
        registered = sorted({series.split("__")[0] for series, _ in self.useless_versions})
        return [
            *(f"forecast-assets evaluate {dataset} --force" for dataset in rebuilt),
            *(f"forecast-assets evaluate {dataset}" for dataset in datasets),
            *(f"forecast-assets register {dataset}, then promote" for dataset in registered),
        ]


def compare(stores: Stores, registry: Registry) -> Disagreement:
    """What warehouse, lake and registry say differently. Raises ``Outage`` when one does not answer."""
    versions = stores.warehouse.rows(RegisteredVersionsRow)
    lost_results, folders = _lost_results(stores)
    elsewhere = _elsewhere(registry)
    moved_from = _moved_from(elsewhere, versions, folders)
    lost_versions: list[Model] = []
    damaged: dict[Model, str] = {}
    stray: list[StrayAlias] = []
    for dataset in dict.fromkeys(row["dataset"] for row in versions):
        own = [row for row in versions if row["dataset"] == dataset]
        own_versions = {(row["series"], row["version"]): row for row in own}
        series = list(dict.fromkeys(name for name, _ in own_versions))
        there = registry.numbers(series)
        lost = {
            model
            for model, row in own_versions.items()
            if model[1] not in there.get(model[0], set())
            or not (_is_in_lake(row, folders) or _is_in(elsewhere.get(dataset), row))
        }
        lost_versions += sorted(lost)
        aliases = registry.aliases(series)
        meant = {(name, number) for name, held in aliases.items() for number in held.values()}
        if moved_from is None:  # MLflow does not find the files of any version before that is mended
            damaged |= _damaged(
                registry, [own_versions[model] for model in sorted(meant - lost) if model in own_versions]
            )
        stray += _stray(stores, aliases, set(own_versions))
    return Disagreement(lost_results, lost_versions, damaged, stray, moved_from)


def lacking_files(stores: Stores) -> list[str]:
    """One sentence if the lake lacks files of results. Raises ``Outage`` when a store does not answer."""
    return Disagreement(_lost_results(stores)[0], [], {}, [], None).sentences()


def _lost_results(stores: Stores) -> tuple[list[LakeNeedsRow], set[str]]:
    """Results whose files the lake lacks, and the folders that it has."""
    files = set(stores.lake.list(""))
    folders = {path[:cut] for path in files for cut in _cuts(path)}
    needed = stores.warehouse.rows(LakeNeedsRow)
    return [row for row in needed if row["path"] not in files | folders], folders


def mend(stores: Stores, registry: Registry, disagreement: Disagreement) -> None:
    """Make the stores agree; twice is the same as once. The record of promotions only ever grows."""
    _move_artifacts(disagreement.moved_from)
    lost = [row for row in disagreement.lost_results if row["kind"] != "snapshot"]
    if lost:
        stores.warehouse.execute(
            "delete_lost_results",
            kinds=[row["kind"] for row in lost],
            datasets=[row["dataset"] for row in lost],
            keys=[row["key"] for row in lost],
        )
    for one in disagreement.stray_aliases:
        if one.target is None:
            registry.drop_alias(one.series, one.alias)
        else:
            registry.move_alias(one.series, one.alias, one.target)
    _forget_versions(stores, registry, disagreement.useless_versions)
    for series_keys in _by_dataset(
        [*disagreement.useless_versions, *((one.series, 0) for one in disagreement.stray_aliases)]
    ):
        notice(stores, registry, series_keys)


def _move_artifacts(old: str | None) -> None:
    own, new = mlflow_backend.own_database(database_url()), mlflow_backend.artifacts_url()
    if old is None or own is None or new is None:
        return
    with connected(own) as connection:
        mlflow_backend.move_artifacts(connection, old, new)


def _forget_versions(stores: Stores, registry: Registry, lost: Sequence[Model]) -> None:
    gone = set(lost)
    for series_keys in _by_dataset(lost):
        for series, aliases in registry.aliases(series_keys).items():
            for alias, number in aliases.items():
                if (series, number) in gone:
                    registry.drop_alias(series, alias)
    if lost:
        series_of_lost, numbers = zip(*lost, strict=True)
        stores.warehouse.execute("delete_versions", series=list(series_of_lost), versions=list(numbers))


def _damaged(registry: Registry, versions: Sequence[RegisteredVersionsRow]) -> dict[Model, str]:
    return {model: gate.sentence for model, gate in verified(registry, versions).items() if not gate.passed}


def _stray(
    stores: Stores, all_aliases: Mapping[str, Mapping[str, int]], models: set[Model]
) -> list[StrayAlias]:
    series = list(dict.fromkeys(name for name, _ in models))
    decided = {row["series"]: row for row in stores.warehouse.rows(PromotionStatesRow, series=series)}
    strays = []
    for name, aliases in all_aliases.items():
        for alias, number in aliases.items():
            if (name, number) not in models:
                row = decided.get(name)
                target = None if row is None else {CHAMPION: row["live"], PREVIOUS: row["before"]}.get(alias)
                there = target is not None and (name, target) in models
                strays.append(StrayAlias(name, alias, number, target if there else None))
    return strays


def _elsewhere(registry: Registry) -> dict[str, str]:
    """By dataset, the folder below which MLflow looks for files of models, if we use another."""
    here = mlflow_backend.artifacts_url()
    if here is None:
        return {}
    datasets = [(name.split("/", 1)[1], place) for name, place in registry.places()]
    roots = {dataset: place.removesuffix(f"/{dataset}").rstrip("/") for dataset, place in datasets}
    return {dataset: root for dataset, root in roots.items() if root != here.rstrip("/")}


def _moved_from(
    elsewhere: Mapping[str, str], versions: Sequence[RegisteredVersionsRow], folders: set[str]
) -> str | None:
    """Where MLflow looks for files that were moved into ours, or copied: then all of them are there."""
    copied = set[str]()
    if _is_inside():
        missing = {row["dataset"] for row in versions if not _is_in_lake(row, folders)}
        copied = {elsewhere[row["dataset"]] for row in versions if row["dataset"] in elsewhere}
        copied -= {root for dataset, root in elsewhere.items() if dataset in missing}
    # A folder that is still there, and of which we have no copy, was another setting's.
    return next((root for root in elsewhere.values() if root in copied or not _is_there(root)), None)


def _is_inside() -> bool:
    return mlflow_backend.artifacts_url() == mlflow_backend.artifacts_inside()


def _is_in_lake(row: RegisteredVersionsRow, folders: set[str]) -> bool:
    """Whether the files of a version are in the lake; those that belong elsewhere are not looked for."""
    if not _is_inside():
        return True
    return MODELS.path(row["dataset"], row["mlflow_run"], "artifacts", row["path"]) in folders


def _is_in(root: str | None, row: RegisteredVersionsRow) -> bool:
    """Whether the files of a version are below ``root``, which a storage is not asked for."""
    if root is None or "://" in root:
        return root is not None
    return Path(root, row["dataset"], row["mlflow_run"], "artifacts", row["path"]).is_dir()


def _is_there(root: str) -> bool:
    return "://" in root or Path(root).is_dir()


def _cuts(path: str) -> list[int]:
    return [place for place, sign in enumerate(path) if sign == "/"]


def _by_dataset(models: Sequence[Model]) -> list[list[str]]:
    by_dataset: dict[str, list[str]] = {}
    for series, _ in models:
        keys = by_dataset.setdefault(series.split("__")[0], [])
        if series not in keys:
            keys.append(series)
    return list(by_dataset.values())

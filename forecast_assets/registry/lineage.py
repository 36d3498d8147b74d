"""How did a model come to be, and are its figures true?

Belongs here: the way from a model version back to its data, run and decisions; scoring it once more.
Does not belong here: printing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast_assets.backtests.fold_store import Folds, read_file
from forecast_assets.errors import UnknownName
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.backtest import backtest
from forecast_assets.forecasting.core.metrics import aggregate, fold_metrics
from forecast_assets.forecasting.core.outlook import needed
from forecast_assets.keys import SeriesKey
from forecast_assets.registry import gone
from forecast_assets.registry.bundle import Bundle
from forecast_assets.registry.gates import Gate
from forecast_assets.registry.promotion import CHAMPION
from forecast_assets.registry.saving import DATA
from forecast_assets.registry.verification import verified
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.registry import AuditRow, ModelVersionsOfRow


@dataclass(frozen=True, slots=True)
class Lineage:
    """A version with its record; ``wape`` is what scoring it once more gives, unknown with the reason."""

    version: ModelVersionsOfRow
    aliases: Sequence[str]
    decisions: Sequence[AuditRow]
    intact: Gate
    wape: float | None
    how: str


def lineage(stores: Stores, registry: Registry, model: str) -> Lineage:
    """Look up ``KEY@alias``, ``KEY/version`` or ``KEY`` (the live version). Raises ``UnknownName``."""
    name, _, alias = model.partition("@")
    name, _, number = name.partition("/")
    SeriesKey.parse(name)
    held = registry.aliases([name]).get(name, {})
    named = int(number) if number.isdecimal() else 0
    version = named if number else held.get(alias or CHAMPION, 0)
    rows = stores.warehouse.rows(ModelVersionsOfRow, series=[name])
    registered = next((row for row in rows if row["version"] == version), None)
    if registered is None:
        aliases_text = ", ".join(f"{name}@{one}" for one in held) or "none"
        dataset = SeriesKey.parse(name).dataset
        if (
            not number
            and alias in {"", CHAMPION}
            and gone.gone(stores, lambda: registry, dataset).get(dataset, []).count(name)
        ):
            raise UnknownName(
                f"the live model of {name} is gone from MLflow", remedy=f"next: {gone.next_step(dataset)}"
            )
        raise UnknownName(f"there is no model {model}", remedy=f"models of this series: {aliases_text}")
    intact = verified(registry, [registered])[name, version]
    # Nothing is computed from files that are not what was registered.
    wape, how = _scored_again(stores, registry, registered) if intact.passed else (None, intact.sentence)
    return Lineage(
        version=registered,
        aliases=sorted(one for one, number in held.items() if number == version),
        decisions=stores.warehouse.rows(AuditRow, dataset=registered["dataset"], series=[name]),
        intact=intact,
        wape=wape,
        how=how,
    )


def _scored_again(
    stores: Stores, registry: Registry, version: ModelVersionsOfRow
) -> tuple[float | None, str]:
    """The WAPE of a version from its own files, or from the stored forecasts of its folds."""
    label, series = version["candidate"], version["series"]
    if needed([label]):
        # A model of all series was another one at each cutoff; what they forecast was stored.
        path = str(version["folds_path"])
        if path not in stores.lake.list(path.rpartition("/")[0]):
            return None, f"its folds are no longer stored at {path}"
        folds = dict(read_file(stores, path, [series]))[series]
        if label not in folds.forecasts:
            return None, f"{label} was not scored on these folds"
        return _wape_of(folds, label), "from the stored forecasts of its folds"
    settings = EvaluationSettings.model_validate_json(json.dumps(version["settings"]))
    plan = settings.plan()
    with registry.files(version["mlflow_run"], version["path"]) as folder:
        panel = Bundle.read(folder / DATA, [series]).panel
    anchor = panel.position(version["anchor_day"]) + 1
    done = backtest(panel.until(anchor), plan.cutoffs(anchor), plan, [label], {})
    wape = float(done.scores.wape[0, 0])
    return (wape if np.isfinite(wape) else None), "by running it again at the cutoffs of its folds"


def _wape_of(folds: Folds, label: str) -> float | None:
    actual = np.where(folds.counted[:, None], folds.actual, np.nan)[None]
    metrics = fold_metrics(actual, folds.forecasts[label][None, None])
    wape = float(aggregate(metrics.wape, folds.counted[None])[0, 0])
    return wape if np.isfinite(wape) else None

"""Every folder of the lake: what it holds, and what trimming and removing a dataset do to it.

Belongs here: the names of folders, and paths inside of them.
Does not belong here: reading and writing files (``lake``), and which rows refer to them (``retention``).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Folder:
    """A first part of paths.

    ``trimmed``: files that no row refers to are deleted after the grace. ``by_dataset``: the second part is a
    dataset, whose files go when it is removed.
    """

    name: str
    holds: str
    trimmed: bool = True
    by_dataset: bool = True

    def path(self, *parts: object) -> str:
        """Return a path of the lake below this folder."""
        return "/".join((self.name, *map(str, parts)))


SALES = Folder("sales", "canonical sales of each snapshot or how they changed, one file per store")
STAR = Folder("star", "generated sales as a star schema, beside SALES under the same names")
READINGS = Folder("readings", "digests of what SALES were read from, under the same names")
PANELS = Folder("panels", "dense panels of each snapshot or how they changed, one file per store")
GLOBAL = Folder("global", "global models and their forecasts, of folds and of production")
BACKTESTS = Folder("backtests", "actuals and forecasts of every fold and candidate")
FORECASTS = Folder("forecasts", "forecasts with their intervals")
DRIFT = Folder("drift", "old global models that weeks of the past are forecast by")
BATCH = Folder("batch", "models and forecasts of launched items")
PIPELINE = Folder("pipeline", "what a model pipeline trained")
PORTFOLIO = Folder("portfolio", "the newest heatmap of each metric, written over", trimmed=False)
REPORTS = Folder("reports", "the newest incident report, written over", trimmed=False, by_dataset=False)
DOCTOR = Folder("doctor", "what the doctor wrote to see whether it can", by_dataset=False)
MODELS = Folder("models", "bundles of registered models, MLflow's to delete", trimmed=False, by_dataset=False)

FOLDERS = (
    SALES,
    STAR,
    READINGS,
    PANELS,
    GLOBAL,
    BACKTESTS,
    FORECASTS,
    DRIFT,
    BATCH,
    PIPELINE,
    PORTFOLIO,
    REPORTS,
    DOCTOR,
    MODELS,
)

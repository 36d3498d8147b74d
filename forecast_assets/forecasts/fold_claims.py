"""What the folds claim of a forecast when it is made, kept beside it until the days have come.

Belongs here: WAPE and bias of each champion on its folds, by range of lead.
Does not belong here: comparing claims with what happened (``drift``).

A later backtest has seen the days that a forecast was about, so that it is no measure of what was promised.
"""

from collections.abc import Mapping, Sequence

from forecast_assets.backtests.fold_store import read_file
from forecast_assets.backtests.lead_ranges import Range, ranges_of
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import ChampionsOfRow

Claim = Mapping[str, Range]


def claims(stores: Stores, champions: Sequence[ChampionsOfRow | None]) -> list[Claim]:
    """WAPE in percent, MAE and bias in units a period (n,) by range of lead; empty without scored folds.

    ``champions`` (n,) are rows of ``champions_of``.
    """
    place = {row["series"]: at for at, row in enumerate(champions) if row is not None}
    results: list[Claim] = [{} for _ in champions]
    for path, labels in labels_by_file(champions).items():
        stored = read_file(stores, path, list(labels))
        scored = [(series, folds) for series, folds in stored if labels[series] in folds.forecasts]
        ranges = ranges_of([folds for _, folds in scored], [labels[series] for series, _ in scored])
        for (series, _), claim in zip(scored, ranges, strict=True):
            results[place[series]] = claim
    return results


def labels_by_file(champions: Sequence[ChampionsOfRow | None]) -> dict[str, dict[str, str]]:
    """Return for each file of folds the champion of every series whose folds it holds."""
    files: dict[str, dict[str, str]] = {}
    for row in champions:
        if row is not None and row["champion"] and row["path"]:
            files.setdefault(row["path"], {})[row["series"]] = row["champion"]
    return files

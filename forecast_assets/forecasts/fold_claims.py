"""What the folds claim of a forecast when it is made, kept beside it until the days have come.

Belongs here: WAPE and bias of each champion on its folds, by range of lead.
Does not belong here: comparing claims with what happened (``drift``).

A later backtest has seen the days that a forecast was about, so that it is no measure of what was promised.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from forecast_assets.backtests.fold_store import read_file
from forecast_assets.backtests.lead_ranges import Range, by_range
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

Claim = Mapping[str, Range]


def claims(stores: Stores, champions: Sequence[Row | None]) -> list[Claim]:
    """WAPE in percent, MAE and bias in units a day (n,) by range of lead; empty where no folds were scored.

    ``champions`` (n,) are rows of ``champions_of``.
    """
    results: list[Claim] = [{} for _ in champions]
    scored = [
        (str(row["path"]), str(row["series"]), str(row["champion"]), at)
        for at, row in enumerate(champions)
        if row is not None and row["champion"] and row["path"]
    ]
    for path, members in groupby(sorted(scored), key=lambda one: one[0]):
        by_series = {series: (label, at) for _, series, label, at in members}
        for series, folds in read_file(stores, path, list(by_series)):
            label, at = by_series[series]
            if label in folds.forecasts:
                results[at] = by_range(folds, label)
    return results

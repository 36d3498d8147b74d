"""From the sales of a snapshot to the files of its panel.

Belongs here: reading canonical sales store by store, the calendar they share, what is known of every series.
Does not belong here: making one store dense (``panels``), when a panel is built (``building``).
"""

import datetime as dt
import json

import polars as pl

from forecast_assets.datasets import holidays, panels
from forecast_assets.datasets.definition import Dataset, Snapshot
from forecast_assets.datasets.panel_changes import base_of
from forecast_assets.forecasting.core.panel import ORIGINAL_IDS, Panel
from forecast_assets.keys import SEPARATOR
from forecast_assets.stores import Stores

HOLIDAYS_AHEAD = 90  # the longest horizon


def write_panels(
    stores: Stores, dataset: Dataset, snapshot: Snapshot, folder: str, before: str | None = None
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Write one panel per store below ``folder``; return the day counts and the table of all series.

    And the folders of those panels that files are changes of; the folder ``before`` leads to them.
    """
    older = {} if before is None else {_store(file): file for file in stores.lake.list(before)}
    bases: set[str] = set()
    files = snapshot.files(stores.lake)
    columns = dataset.source.columns.roles
    newest, frequency = snapshot.last_day, dataset.options.period
    planned = max(newest, _last_planned(stores, files)) if columns else newest
    if holidays.are_wanted(dataset.options):
        planned = max(planned, frequency.date(newest, HOLIDAYS_AHEAD))
    calendar = panels.Calendar(snapshot.first_day, newest, planned, frequency)
    counts, described = [], []
    for file in files:
        frame = pl.DataFrame(stores.lake.read_table(file))
        store = _store(file)
        panel, counted = panels.densify(
            frame,
            store,
            dataset=dataset.name,
            calendar=calendar,
            known=columns,
            launch=dataset.options.launch,
            leave_out_stockouts=dataset.options.leave_out_stockouts,
        )
        if holidays.are_wanted(dataset.options):
            panel = holidays.marked(panel, calendar, holidays.countries(dataset.options, frame, store))
        base = base_of(stores.lake, older[store]) if store in older else None
        if panels.write(stores.lake, f"{folder}/{store}.parquet", panel, base) and base is not None:
            bases.add(base.rpartition("/")[0])
        counts.append(counted)
        described.append(_described(panel, frame))
    return pl.concat(counts), pl.concat(described), sorted(bases)


def _store(file: str) -> str:
    return file.rsplit("/", 1)[-1].removesuffix(".parquet")


def _last_planned(stores: Stores, files: list[str]) -> dt.date:
    lasts = [pl.DataFrame(stores.lake.read_table(file, columns=["date"]))["date"].max() for file in files]
    return max(last for last in lasts if isinstance(last, dt.date))


def _described(panel: Panel, frame: pl.DataFrame) -> pl.DataFrame:
    keys = [key.split(SEPARATOR) for key in panel.series.tolist()]
    static = {name: values.tolist() for name, values in panel.static.items()}
    first = frame.unique("product_id", keep="first", maintain_order=True)
    originals = [
        first[name].to_list() if name in frame.columns else [key[part] for key in keys]
        for part, name in enumerate(ORIGINAL_IDS, start=1)
    ]
    rows = [dict(zip(static, values, strict=True)) for values in zip(*static.values(), strict=True)]
    return pl.DataFrame(
        {
            "series": panel.series.tolist(),
            "dataset": [key[0] for key in keys],
            "store_id": originals[0],
            "product_id": originals[1],
            "static": [json.dumps(row) for row in rows] if rows else ["{}"] * len(keys),
        }
    )

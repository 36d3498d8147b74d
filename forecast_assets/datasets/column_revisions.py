"""Do known columns change after the fact, from one load to the next?

Belongs here: comparing the columns of two loads, what was past and what was plan.
Does not belong here: columns against the units of one load (``column_audit``).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from forecast_assets.datasets.column_audit import ColumnFinding
from forecast_assets.datasets.definition import Dataset, Snapshot
from forecast_assets.stores import Stores

_FEWEST = 50
_REVISED_DAYS = 28
_REVISED_PAST, _REVISED_PLANS = 0.01, 0.1


@dataclass(slots=True)
class Revisions:
    """Compares the known columns of two loads: what was past for the first one, and what was plan.

    ``newest`` is the newest day that the first load had sales of.
    """

    names: Mapping[str, str]
    newest: dt.date
    _counts: dict[tuple[str, bool], list[int]] = field(default_factory=dict)

    @property
    def since(self) -> dt.date:
        """The first day that is compared."""
        return self.newest - dt.timedelta(days=_REVISED_DAYS)

    def add(self, before: pl.DataFrame, now: pl.DataFrame) -> None:
        """Compare one store: product_id, date and the columns, from ``since`` on."""
        keys = [pl.col("product_id").cast(pl.String), pl.col("date")]
        both = before.with_columns(keys).join(
            now.with_columns(keys), on=["product_id", "date"], suffix=" now"
        )
        for name in self.names:
            if name not in before.columns or name not in now.columns:
                continue  # a column that one load has is not revised by the other
            comparable = both.filter(pl.col(name).is_not_null() & pl.col(f"{name} now").is_not_null())
            for is_plan in (False, True):
                some = comparable.filter((pl.col("date") > self.newest) == is_plan)
                counts = self._counts.setdefault((name, is_plan), [0, 0])
                counts[0] += len(some)
                counts[1] += int((some[name] != some[f"{name} now"]).sum())

    def findings(self) -> list[ColumnFinding]:
        """Columns that were revised too often to be plans."""
        results = []
        for (name, is_plan), (compared, revised) in self._counts.items():
            share = revised / max(compared, 1)
            if compared < _FEWEST or share <= (_REVISED_PLANS if is_plan else _REVISED_PAST):
                continue
            column = self.names[name]
            what = "planned days" if is_plan else "past days"
            results.append(
                ColumnFinding(
                    column,
                    "revised_plan" if is_plan else "revised_past",
                    share,
                    f"{column} was changed since the last load on {revised:,} of {compared:,} {what}",
                    f"deliver {column} as it was known before each day",
                    is_refused=False,
                )
            )
        return results


def revisions(stores: Stores, dataset: Dataset, folder: str) -> list[dict[str, object]]:
    """What was changed in known columns since the snapshot before, in the sales below ``folder``."""
    before, columns = dataset.snapshot, dataset.source.columns.known
    if before is None or not columns:
        return []
    changes = Revisions(columns, before.last_day)
    needed = ["product_id", "date", *columns]
    older = {path.rsplit("/", 1)[-1]: path for path in stores.lake.list(before.sales_path)}
    for path in stores.lake.list(folder):
        if (old := older.get(path.rsplit("/", 1)[-1])) is not None:
            pair = [pl.DataFrame(stores.lake.read_table(one, columns=needed)) for one in (old, path)]
            changes.add(*(one.filter(pl.col("date") > changes.since) for one in pair))
    return [one.row() for one in changes.findings()]


def doubts(snapshot: Snapshot) -> list[str]:
    """What speaks against the columns of a snapshot, with the remedy: one sentence each."""
    findings: Any = snapshot.summary.get("columns", [])
    return [f"{one['sentence']}: {one['remedy']}" for one in findings]

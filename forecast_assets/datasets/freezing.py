"""Checked sales as files that no snapshot refers to yet.

Belongs here: reading a source to its end, refusing it as a whole, writing what it sold by period.
Does not belong here: which snapshot they become (``building``).
"""

import datetime as dt
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl

from forecast_assets.datasets import agreement, periods
from forecast_assets.datasets.canonical import CanonicalReader, SalesSummary
from forecast_assets.datasets.column_audit import ColumnAudit, refuse
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.deliveries import Comparison
from forecast_assets.datasets.increments import write_sales
from forecast_assets.datasets.patching import Before, NotPatchable, PatchedReader, store_of
from forecast_assets.datasets.presets.keeping import star_path
from forecast_assets.datasets.sources import FileSource, Source
from forecast_assets.datasets.tallies import Reading, reading_path
from forecast_assets.errors import BadSales
from forecast_assets.forecasting.core.frequency import DAY, FrequencyName
from forecast_assets.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class Frozen:
    """Canonical sales below ``folder`` that no snapshot refers to yet.

    Files may hold how they differ from those of older sales, which lie in the folders ``bases``.
    """

    folder: str
    content_hash: str
    summary: SalesSummary
    noted: dict[str, Any]
    frequency: FrequencyName
    reading: Reading | None = None
    bases: tuple[str, ...] = ()


def freeze(
    lake: Lake,
    source: Source,
    name: str,
    options: DatasetOptions,
    *,
    folder: str,
    today: dt.date,
    before: Before | None = None,
    compared: Comparison | None = None,
) -> Frozen:
    """Write the canonical sales of every store below ``folder``; a refusal leaves nothing there.

    With the load ``before`` only pieces of the source that changed are read, where the result is the same,
    and only rows that changed are written. What was read is taken for ``compared``.
    """
    bases: dict[str, str] = {}
    if before is not None and options.frequency == DAY.name and options.aggregate is None:
        bases = {store_of(file): lake.base_of(file) for file in before.snapshot.files(lake)}
        patched = PatchedReader(
            source, dataset=name, today=today, lake=lake, before=before, compared=compared
        )
        # What is wrong with new rows is said best by who reads all of them.
        with suppress(NotPatchable, BadSales):
            return _written(lake, patched, source, options, folder, compared, bases)
    reader = CanonicalReader(source, dataset=name, today=today)
    try:
        return _written(lake, reader, source, options, folder, compared, bases)
    except BadSales:
        # A file that is written otherwise than the others explains all of its cells at once.
        if isinstance(source, FileSource):
            agreement.agreed(source, source.files(), [])
        raise


def _written(  # noqa: PLR0917 - one value each
    lake: Lake,
    reader: CanonicalReader,
    source: Source,
    options: DatasetOptions,
    folder: str,
    compared: Comparison | None,
    bases: Mapping[str, str],
) -> Frozen:
    changed: set[str] = set()
    observed: dict[str, pl.Series] = {}
    forget_files(lake, folder)  # what an attempt before this one left behind
    audit = ColumnAudit(source.columns)
    if compared is not None:
        compared.begin()
    try:
        for store, frame in reader:
            base = bases.get(store)
            if write_sales(lake, f"{folder}/{store}.parquet", frame, base) and base is not None:
                changed.add(base.rpartition("/")[0])
            audit.add(frame)
            if compared is not None:
                compared.now.add(store, frame.to_arrow())
            if options.frequency != DAY.name or options.aggregate is not None:
                observed[store] = frame["date"].filter(frame["units"].is_not_null()).unique()
        findings = audit.findings(reader.marked)
        refuse(source.name, findings, options.trust)
        check_observed(reader, source)
        frequency = periods.period_of(source, options, observed)
        summary, content_hash = periods.by_period(
            lake, source, options, folder, (reader.summary, reader.content_hash), frequency, observed
        )
        companions = source.companions(lake, folder)
    except BaseException:
        forget_files(lake, folder)
        raise
    noted = {**companions, "columns": [one.row() for one in findings]}
    reading = reader.reading if content_hash == reader.content_hash else None
    if compared is not None and content_hash != reader.content_hash:
        compared.begin()  # what was added up is not what was read
    return Frozen(folder, content_hash, summary, noted, frequency.name, reading, tuple(sorted(changed)))


def forget_files(lake: Lake, folder: str) -> None:
    """Delete sales that are no snapshot, and what lies beside them."""
    lake.delete(folder)
    lake.delete(reading_path(folder))
    lake.delete(star_path(folder))


def check_observed(reader: CanonicalReader, source: Source) -> None:
    """Raise ``BadSales`` when no row of a source that was read has units."""
    if reader.summary.last_day is None:
        raise BadSales(
            f"{source.name}: no row has units",
            remedy="fill the units column; empty units mean that the day was not observed",
        )


def snapshot_row(name: str, frozen: Frozen, *, mark: str | None, run_id: str) -> dict[str, Any]:
    """The row of table ``snapshot`` that what was frozen becomes."""
    summary = frozen.summary
    return {
        "dataset": name,
        "hash": frozen.content_hash,
        "run_id": run_id,
        "source_fingerprint": mark,
        "sales_path": frozen.folder,
        "bases": list(frozen.bases),
        "panel_path": None,
        "first_day": summary.first_day,
        "last_day": summary.last_day,
        "row_count": summary.rows,
        "series_count": summary.series,
        "store_count": summary.stores,
        "summary": summary_notes(summary) | frozen.noted,
    }


def snapshot_frame(row: Mapping[str, Any]) -> pl.DataFrame:
    """Return a row of table ``snapshot`` as a frame."""
    texts = {name: json.dumps(row[name]) for name in ("summary", "bases")}
    return pl.DataFrame({name: [value] for name, value in {**row, **texts}.items()})


def summary_notes(summary: SalesSummary) -> dict[str, object]:
    """What a snapshot remembers of its reading, as JSON."""
    return {
        "null_units": summary.null_units,
        "changed_static": dict(summary.changed_static),
        "mapped_ids": summary.mapped_ids,
        **({"left_out": list(summary.left_out)} if summary.left_out else {}),
        "replaced": dict(summary.replaced),
        "summed": summary.summed,
        "returned": summary.returned,
        "returned_units": summary.returned_units,
        **{name: rows for name in ("empty_rows", "total_rows") if (rows := getattr(summary, name))},
    }

"""Whether the text files of a folder name their columns and write numbers and dates alike.

Belongs here: a look at the beginning of each file, before all of them are read in one way.
Does not belong here: finding out how the first file is written (``profiles``).
"""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from forecast_assets.datasets import dates, samples
from forecast_assets.datasets.date_patterns import find_date_format
from forecast_assets.datasets.sources import FileSource, dialects
from forecast_assets.datasets.sources.columns import spellings
from forecast_assets.datasets.sources.dialects import DOUBTED
from forecast_assets.datasets.sources.opening import SourceFile
from forecast_assets.errors import BadSetting, listed

_ROWS = 500
_MOST = 0.9
_REMEDY = (
    "all files of a dataset are read in one way: export them alike, or add those that are alike by a "
    "pattern, such as 'folder/2024*.csv', as a dataset of their own"
)


def agreed(source: FileSource, files: Sequence[SourceFile], notes: list[str]) -> FileSource:
    """Return ``source`` with what only later files show of their numbers, and note it.

    Raises ``BadSetting`` naming a file that is written otherwise than the others.
    """
    if source.wide or files[0].kind != "csv":
        return source
    first = files[0].name
    for file in files[1:]:
        sample = samples.take(source, file, _ROWS)
        constants = source.constants(file)
        needed = [name for name in source.columns.needed if name not in constants]
        written = spellings(sample.header, needed)
        if lost := [repr(name) for name in needed if written[name] not in sample.header]:
            raise BadSetting(
                f"{source.name}: {file.name} has no column {listed(lost)} as {first} has; its line "
                f"{source.header_row} names {listed([repr(name) for name in sample.header])}",
                remedy=f"let both name their columns alike in line {source.header_row}; {_REMEDY}",
            )
        _check_dates(source, first, file.name, sample.cells.get(written.get(source.columns.date, ""), []))
        cells = sample.numbers([written[name] for name in _numbers(source) if name in written])
        numbers = dialects.find_numbers(cells)
        if numbers != (source.dialect.decimal, source.dialect.thousands) and any(numbers):
            source = _with_numbers(source, files[0], file.name, cells, numbers, notes)
    return source


def _numbers(source: FileSource) -> list[str]:
    return [source.columns.units, *source.columns.known.values()]


def _check_dates(source: FileSource, first: str, name: str, cells: Sequence[str]) -> None:
    texts = pl.Series(sorted(set(cells)), dtype=pl.String)
    if source.first_day is not None or texts.is_empty() or _reads(texts, source.date_format, source):
        return
    try:
        other = find_date_format(texts, name)
    except BadSetting:
        return
    if _reads(texts, other, source):
        raise BadSetting(
            f"{source.name}: {name} writes dates as {other or 'YYYY-MM-DD'} ({texts[0]!r}), and {first} as "
            f"{source.date_format or 'YYYY-MM-DD'}",
            remedy=_REMEDY,
        )


def _reads(texts: pl.Series, date_format: str | None, source: FileSource) -> bool:
    days = dates.read(texts, dates.DayRules(date_format, None, source.rows)).days
    return days.is_not_null().sum() >= _MOST * len(texts)


def _with_numbers(  # noqa: PLR0917 - one value each
    source: FileSource,
    first: SourceFile,
    name: str,
    cells: Sequence[str],
    numbers: tuple[Literal[".", ","] | None, str | None],
    notes: list[str],
) -> FileSource:
    """Settle how numbers are written by a later file, unless that contradicts earlier ones."""
    settled = source.dialect
    decimal, thousands = numbers
    is_open = settled.decimal is None and settled.thousands is None
    doubted = [
        cell
        for cell in samples.take(source, first, _ROWS).numbers(_numbers(source))
        if is_open and DOUBTED.match(cell)
    ]
    agrees = (
        not doubted
        and (decimal is None or is_open or decimal == settled.decimal)
        and (thousands is None or settled.thousands in {None, thousands})
        and (thousands is None or thousands != settled.decimal)
    )
    if agrees:
        update = {"decimal": settled.decimal or decimal, "thousands": settled.thousands or thousands}
        if numbers != (".", None):
            notes.append(f"{name}: {dialects.described(*numbers)}")
        return source.model_copy(update={"dialect": settled.model_copy(update=update)})
    mark = str(decimal if decimal is not None and decimal != (settled.decimal or ".") else thousands)
    example = next((cell for cell in cells if mark in cell), cells[0])
    before = (
        f"as {doubted[0]!r}"
        if doubted
        else f"with a {dialects.described(settled.decimal or '.', settled.thousands)}"
    )
    raise BadSetting(
        f"{source.name}: {name} writes numbers as {example!r}, and {first.name} {before}", remedy=_REMEDY
    )

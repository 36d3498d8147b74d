"""What a look at the beginning of a file tells: how it is written, and what its columns are.

Belongs here: completing what was declared about a source by what a sample shows, once, when it is added.
Does not belong here: reading all of it, which proves or refutes what is found here (``validation``).
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from forecast_assets.datasets import agreement, matching, samples
from forecast_assets.datasets.date_patterns import find_date_format
from forecast_assets.datasets.samples import Sample
from forecast_assets.datasets.sources import Columns, FileSource, dialects, layouts
from forecast_assets.datasets.sources.csv_files import completed, start_of
from forecast_assets.datasets.sources.dialects import Dialect, name_of
from forecast_assets.datasets.sources.opening import SourceFile, find
from forecast_assets.errors import BadSetting, listed

_SHOWN_LETTERS = 30
# Titles stand in the first lines, and a header names two of the four roles at least.
_TITLE_ROWS, _LEAST_NAMED = 25, 2
_FEWEST_DAYS = 7
_DATED = r"[0-9]+[./-]|[^\W\d_]{3,}\.?[ '/-]*[0-9]{2,4}$"
_NUMBERED = r"^[A-Za-z]+_?[0-9]{1,5}$"


@dataclass(frozen=True, slots=True)
class SourceProfile:
    """What was found out about a source: the ``source`` with nothing left open, and how it came to that.

    ``notes`` say how the files are written, ``guesses`` which column plays a role only by its name (role ->
    column), ``unused`` which columns play none, ``left_out`` which files of the folder are not read.
    """

    source: FileSource
    files: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    guesses: Mapping[str, str]
    unused: tuple[str, ...]

    def options(self) -> str:
        """The options that settle all guesses, as they are typed."""
        return "".join(f" --{role} {shlex.quote(column)}" for role, column in self.guesses.items())

    def confirm(self) -> None:
        """Raise ``BadSetting`` when there are guesses, naming the options that settle them."""
        if not self.guesses:
            return
        named = [f"{role} = {column!r}" for role, column in self.guesses.items()]
        raise BadSetting(
            f"{self.source.name}: these columns are guessed by their names: {listed(named)}",
            remedy=f"say --yes if they are right, or name them:{self.options()}",
        )


def profile(source: FileSource, declared: Mapping[str, object]) -> SourceProfile:
    """Look at the beginning of the first file and complete ``source``.

    ``declared`` are the roles of columns that are named already, by the fields of ``Columns``. Raises
    ``BadSetting`` or ``BadSales`` for what can be read in two ways and for roles without a column.
    """
    files = find(source.path)
    file = files.files[0]
    notes: list[str] = []
    if file.kind == "csv":
        source = source.model_copy(update={"dialect": _find_dialects(files.files, source.dialect, notes)})
    if source.header_row == 1:
        source = _with_header(source, file, declared, notes)
    sample = samples.take(source, file)
    _note_sheets(source, file, notes)
    source, match = _matched(source, sample, declared, notes)
    source = source.model_copy(update={"columns": Columns.model_validate(match.columns)})
    if not source.wide:
        source = _with_dates(source, sample.cells.get(source.columns.date, []), notes)
    source = _with_numbers(source, sample, notes)
    source = agreement.agreed(source, files.files, notes)
    used = {*source.columns.needed, *(_day_names(source, sample.header) if source.wide else ())}
    return SourceProfile(
        source=FileSource.model_validate(source.model_dump()),
        files=len(files.files),
        left_out=files.left_out,
        notes=tuple(notes),
        guesses=match.guesses,
        unused=tuple(name for name in sample.header if name.strip() and name not in used),
    )


def _find_dialects(files: Sequence[SourceFile], declared: Dialect, notes: list[str]) -> Dialect:
    """Let each text file be read as its beginning shows; say what is not plain, and which files differ.

    Where all are UTF-8 now, others will be refused: a guess at their letters would need somebody to see it.
    """
    each = declared.model_copy(update={"each_file": True})
    first: Dialect | None = None
    plain = True
    for file in files:
        start = start_of(file)
        dialect = completed(file, each, start)
        plain = plain and dialect.encoding == dialects.UTF_8
        if first is None:
            first = dialect
            notes += _written(dialect, start, declared)
        elif dialect != first.model_copy(update={"encoding": dialect.encoding} if start.isascii() else {}):
            differing = ", ".join(_written(dialect, start, declared))
            notes.append(f"{file.name}: {differing or 'commas and UTF-8'}")
        if dialect.encoding == declared.encoding and dialects.seems_utf_8(dialect.encoding, start):
            notes.append(f"{file.name}: looks like UTF-8, and is read as {dialect.encoding}")
    return each.model_copy(update={"encoding": dialects.UTF_8}) if plain else each


def _written(dialect: Dialect, start: bytes, declared: Dialect) -> list[str]:
    """Say what is not plain about how a text file that begins with ``start`` is written."""
    notes = []
    if dialect.separator != ",":
        notes.append(f"columns separated by {name_of(str(dialect.separator))}")
    if str(dialect.encoding).lower() not in {"utf-8", "utf8"}:
        notes.append(
            f"encoding {dialect.encoding}{_letters(dialect, start) if declared.encoding is None else ''}"
        )
    if dialect.quote != '"':
        notes.append(f"text enclosed by {name_of(str(dialect.quote))}")
    return notes


def _letters(dialect: Dialect, start: bytes) -> str:
    """Show letters that depend on an encoding of one byte each, which no file can prove."""
    if dialect.encoding != dialects.ONE_BYTE:
        return ""
    text = start.decode(dialect.encoding, errors="replace")
    cell = rf"[^{re.escape(f'{dialect.separator}{dialect.quote}')}\r\n]*"
    example = re.search(rf"{cell}[^\x00-\x7f]{cell}", text)
    example_text = repr(example[0].strip()[:_SHOWN_LETTERS]) if example else ""
    return f" assumed, which reads {example_text}; if letters are wrong: --encoding NAME, as cp1250 or cp850"


def _with_header(
    source: FileSource, file: SourceFile, declared: Mapping[str, object], notes: list[str]
) -> FileSource:
    """Find the row that names the columns where titles stand above it."""
    named = [name for name in declared.values() if isinstance(name, str)]
    rows = source.top(file, _TITLE_ROWS)
    scores = [matching.score(row, named) for row in rows]
    if not scores or max(scores) < _LEAST_NAMED or max(scores) == scores[0]:
        return source
    place = scores.index(max(scores))
    above = " ".join(cell for row in rows[:place] for cell in row if cell)[:60]
    notes.append(f"line {place + 1} names the columns{f'; above it: {above!r}' if above else ''}")
    return source.model_copy(update={"header_row": place + 1})


def _note_sheets(source: FileSource, file: SourceFile, notes: list[str]) -> None:
    if file.kind != "sheet":
        return
    sheets = source.sheets(file)
    used = source.sheet or sheets[0]
    if others := [repr(name) for name in sheets if name != used]:
        notes.append(f"sheet {used!r} is read, not {listed(others)} (--sheet)")


def _matched(
    source: FileSource, sample: Sample, declared: Mapping[str, object], notes: Sequence[str]
) -> tuple[FileSource, matching.Match]:
    single = {"store": source.single_store, "product": source.single_product}
    absent = [role for role, value in single.items() if value is not None]
    named = {**declared, **{role: Columns.model_fields[role].default for role in absent}}
    for role in absent:
        if str(named[role]) in sample.header:
            named[role] = f"single_{role}"
    match = matching.match(sample.header, named, absent=absent)
    lost = set(match.missing)
    if lost and lost <= {"date", "units"} and not source.wide and source.date_format is None:
        source = _with_dated_columns(source, sample.header)
    if lost and lost <= {"date", "units"} and (source.wide or _day_names(source, sample.header)):
        return _wide(source, sample, match)
    if lost:
        raise matching.lacking(source.name, sample.header, match.missing, _hints(sample.header, notes))
    return source, match


def _with_dated_columns(source: FileSource, header: Sequence[str]) -> FileSource:
    """Find out how columns that are days are written, where they are not YYYY-MM-DD."""
    days = pl.Series([name for name in header if re.match(_DATED, name)], dtype=pl.String)
    date_format = find_date_format(days, source.name) if len(days) >= _FEWEST_DAYS else None
    return source if date_format is None else source.model_copy(update={"date_format": date_format})


def _hints(header: Sequence[str], notes: Sequence[str]) -> list[str]:
    """What else may be the matter with a file whose columns are not recognized."""
    hints = [note for note in notes if note.startswith("sheet ")]
    if any(name.replace(".", "").replace("-", "").isdigit() for name in header):
        hints.append("the first line looks like sales: give the file a line that names its columns")
    if len(header) == 1 and (signs := re.findall(r"[^\w\ufeff]", header[0].strip())):
        hints.append(f"what stands between columns is found by --separator {name_of(signs[0])}")
    hints += [note for note in notes if note.startswith(f"encoding {dialects.ONE_BYTE} ")]
    return hints


def _wide(source: FileSource, sample: Sample, match: matching.Match) -> tuple[FileSource, matching.Match]:
    """Take the columns that are days for the units of these days."""
    if not layouts.day_columns(sample.header, source.first_day, source.date_format):
        numbered = list(layouts.numbered_columns(sample.header))
        raise BadSetting(
            f"{source.name}: the columns {numbered[0]!r} to {numbered[-1]!r} are numbered days",
            remedy="say which day number 1 is: --first-day YYYY-MM-DD",
        )
    match.columns |= {"date": "date", "units": "units"}
    return source.model_copy(update={"wide": True}), match


def _day_names(source: FileSource, header: Sequence[str]) -> list[str]:
    return list(layouts.day_columns(header, source.first_day, source.date_format)) or list(
        layouts.numbered_columns(header)
    )


def _with_dates(source: FileSource, cells: Sequence[str], notes: list[str]) -> FileSource:
    texts = pl.Series(sorted(set(cells)), dtype=pl.String).str.strip_chars()
    if source.date_format is not None or source.first_day is not None or texts.is_empty():
        return source
    date_format = find_date_format(texts, source.name)
    if date_format is None:
        _refuse_numbers(texts, source.name)
        return source
    notes.append(f"dates written as {date_format}, such as {texts[0]!r}")
    return source.model_copy(update={"date_format": date_format})


def _refuse_numbers(texts: pl.Series, name: str) -> None:
    """Ask for the first of days that are numbered; numbers of weeks lack their year."""
    if texts.str.contains(_NUMBERED).all() and not texts.str.contains(r"(?i)^k?w_?[0-9]{1,2}$").all():
        raise BadSetting(
            f"{name}: days are numbered, as {texts[0]!r}",
            remedy="say which day number 1 is: --first-day YYYY-MM-DD",
        )


def _with_numbers(source: FileSource, sample: Sample, notes: list[str]) -> FileSource:
    dialect = source.dialect
    if dialect.decimal is not None or dialect.thousands is not None:
        return source
    columns = [source.columns.units, *source.columns.known.values()]
    if source.wide:
        columns = [*_day_names(source, sample.header), *source.columns.known.values()]
    decimal, thousands = dialects.find_numbers(sample.numbers(columns))
    if decimal == "," or thousands is not None:
        notes.append(dialects.described(decimal, thousands))
    detected = dialect.model_copy(update={"decimal": decimal, "thousands": thousands})
    return source.model_copy(update={"dialect": detected})

"""One file, or a folder of files, as a source.

Belongs here: which files are meant, and which reader takes them.
Does not belong here: opening one file (``csv_files``, ``parquet_files``).
"""

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from forecast_assets.datasets.sources import csv_files, parquet_files
from forecast_assets.datasets.sources.base import Part, SourceBase
from forecast_assets.datasets.sources.columns import Columns
from forecast_assets.errors import BadSetting

_FORMATS = (".csv", ".parquet")


class FileSource(SourceBase):
    """One CSV or Parquet file, or a folder of either."""

    kind: Literal["file"] = "file"
    path: Path = Field(description="A .csv or .parquet file, or a folder of one kind.")
    columns: Columns = Columns()
    date_format: str | None = Field(default=None, description="How dates are written, such as %d/%m/%Y.")
    map_ids: bool = Field(default=False, description="Give ids that cannot be keys a safe form.")

    @field_validator("date_format")
    @classmethod
    def _names_one_day(cls, value: str | None) -> str | None:
        if value is not None and not _round_trips(value):
            raise BadSetting(
                f"date_format {value!r} does not name one day",
                remedy="use year, month and day, for instance %d/%m/%Y or %Y%m%d",
            )
        return value

    @property
    def name(self) -> str:
        """How messages call this source."""
        return self.path.name

    def files(self) -> list[Path]:
        """The files to read, by name. Raises ``BadSetting`` when there are none, or of two kinds."""
        if self.path.is_dir():
            found = sorted(f for f in self.path.iterdir() if f.is_file() and not f.name.startswith("."))
        elif self.path.is_file():
            found = [self.path]
        else:
            raise BadSetting(
                f"there is no file or folder {str(self.path.absolute())!r}",
                remedy="check the path; a relative one starts at the folder the program was started in",
            )
        found = [file for file in found if file.suffix.lower() in _FORMATS]
        kinds = {file.suffix.lower() for file in found}
        if len(kinds) != 1:
            what = "holds neither .csv nor .parquet" if not kinds else "mixes .csv and .parquet"
            raise BadSetting(
                f"{self.name}: {what}", remedy="give one .csv, one .parquet, or a folder of one kind"
            )
        return found

    def fingerprint(self) -> str:
        """Hash of the settings and of the files' names and bytes."""
        digest = hashlib.blake2b(self.model_dump_json().encode(), digest_size=16)
        for file in self.files():
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "blake2b")
            digest.update(file.name.encode() + b"\0" + content.digest())
        return digest.hexdigest()

    def parts(self) -> Iterator[Part]:
        """One part per CSV file or Parquet row group."""
        for file in self.files():
            reader = csv_files if file.suffix.lower() == ".csv" else parquet_files
            yield from reader.parts(file, self.columns)


def _round_trips(date_format: str) -> bool:
    day = pl.Series([date(2001, 11, 30)])
    try:
        return bool((day.dt.strftime(date_format).str.to_date(date_format, strict=False) == day).all())
    except pl.exceptions.PolarsError:
        return False

"""Where sales come from.

Belongs here: what a planner may say about a file or a query, and whether files have changed.
Does not belong here: opening them (``reading``), what makes sales valid (``rules``).
"""

import hashlib
import os
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import polars as pl
import sqlalchemy as sa
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from forecast_assets.datasets.presets.catalogue import GENERATION, check_window
from forecast_assets.datasets.presets.options import Overrides, ProductCount, StoreCount
from forecast_assets.datasets.presets.rows import STATIC
from forecast_assets.datasets.presets.world import Blueprint
from forecast_assets.errors import BadSetting, listed

ORIGINALS = ("original_store_id", "original_product_id")
_CANONICAL = ("store_id", "product_id", "date", "units", *ORIGINALS)
_FORMATS = (".csv", ".parquet")
_SECRET_WORDS = ("pass", "pwd", "secret", "token", "odbc_connect")


class _Strict(BaseModel):
    # An input shown in an error could be a URL with a password.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Columns(_Strict):
    """Which source column plays which role."""

    store: str = Field(default="store_id", min_length=1, description="Store id: text or whole numbers.")
    product: str = Field(default="product_id", min_length=1, description="Product id: text or whole numbers.")
    date: str = Field(default="date", min_length=1, description="Day of sale, YYYY-MM-DD.")
    units: str = Field(default="units", min_length=1, description="Units sold; empty means not observed.")
    price: str | None = Field(default=None, description="Price, known ahead; becomes the column price.")
    promo: str | None = Field(default=None, description="Promotion, known ahead; becomes the column promo.")
    holiday: str | None = Field(default=None, description="Holiday, known ahead; becomes the column holiday.")
    closed: str | None = Field(default=None, description="True or 1: closed, so the units are not observed.")
    stockout: str | None = Field(
        default=None, description="True or 1: out of stock, so the units are not observed."
    )
    known_future: tuple[str, ...] = Field(default=(), description="Further numeric columns known ahead.")
    static: tuple[str, ...] = Field(default=(), description="Text attributes of a series, such as category.")

    @model_validator(mode="after")
    def _roles_are_distinct(self) -> Self:
        others = (*self.known.values(), *self.flags, *self.static)
        keys = (self.store, self.product, self.date, self.units)
        twice = [name for name, times in Counter((*keys, *(set(others) & set(keys)))).items() if times > 1]
        if twice:
            raise BadSetting(
                f"source column {listed([repr(name) for name in twice])} is given two roles",
                remedy="store, product, date and units each need a column of their own",
            )
        named = [name for name in ("price", "promo", "holiday") if getattr(self, name) is not None]
        made = Counter((*_CANONICAL, *named, *self.known_future, *self.static))
        if clash := [name for name, times in made.items() if times > 1]:
            raise BadSetting(
                f"two columns would be called {listed([repr(name) for name in clash])}",
                remedy="name every known-future and static column once, and none of them like a fixed column",
            )
        return self

    @property
    def known(self) -> dict[str, str]:
        """Known-future columns in declared order: canonical name -> source column."""
        fixed = {"price": self.price, "promo": self.promo, "holiday": self.holiday}
        given = {name: column for name, column in fixed.items() if column is not None}
        return given | {name: name for name in self.known_future}

    @property
    def flags(self) -> tuple[str, ...]:
        """Source columns that mark days whose units are not observed."""
        return tuple(name for name in (self.closed, self.stockout) if name is not None)

    @property
    def needed(self) -> tuple[str, ...]:
        """Every source column in use, each once."""
        keys = (self.store, self.product, self.date, self.units)
        return tuple(dict.fromkeys((*keys, *self.known.values(), *self.flags, *self.static)))


class FileSource(_Strict):
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


class SqlSource(_Strict):
    """The result of one query on any database SQLAlchemy can reach."""

    kind: Literal["sql"] = "sql"
    url: str = Field(description="env:NAME of an environment variable, or a SQLAlchemy URL without password.")
    query: str = Field(min_length=1, description="SQL text that answers one row per store, product and day.")
    columns: Columns = Columns()
    map_ids: bool = Field(default=False, description="Give ids that cannot be keys a safe form.")
    date_format: ClassVar[None] = None

    @field_validator("url")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        if value.startswith("env:"):
            return value
        url = _parsed(value, "the url")
        if secrets(url):
            raise BadSetting(
                "the url of a SQL source contains a password",
                remedy="put the whole URL into an environment variable and give env:NAME_OF_THE_VARIABLE",
            )
        return value

    @property
    def name(self) -> str:
        """How messages call this source."""
        text = " ".join(self.query.split())
        return f"query {text if len(text) <= 80 else text[:77] + '...'!r}"  # noqa: PLR2004 - one line of a terminal

    def resolved_url(self) -> sa.URL:
        """The URL to connect to; read from the environment only now. Raises ``BadSetting``."""
        if not self.url.startswith("env:"):
            return sa.make_url(self.url)
        variable = self.url.removeprefix("env:")
        value = os.environ.get(variable)
        if not value:
            raise BadSetting(
                f"environment variable {variable} is not set", remedy="set it to a SQLAlchemy URL"
            )
        return _parsed(value, f"the value of {variable}")


class PresetSource(Overrides):
    """Generated sales of a preset. Window and size are fixed when it is added, so that it never moves."""

    kind: Literal["preset"] = "preset"
    stores: StoreCount = Field(description="Number of stores.")
    products: ProductCount = Field(description="Number of products.")
    start: date = Field(description="First day.")
    end: date = Field(description="Last day that sells; plans reach 90 days further.")
    columns: ClassVar[Columns] = Columns(
        price="price", promo="promo", holiday="holiday", known_future=("discount",), static=STATIC
    )
    map_ids: ClassVar[bool] = False
    date_format: ClassVar[None] = None

    @model_validator(mode="after")
    def _window_can_be_filled(self) -> Self:
        check_window(self.preset, self.start, self.end)
        return self

    @property
    def name(self) -> str:
        """How messages call this source."""
        return f"preset {self.preset} with seed {self.seed}"

    def blueprint(self) -> Blueprint:
        """What is to be generated."""
        return Blueprint(
            character=self.character(),
            effects=frozenset(self.effects),
            seed=self.seed,
            stores=self.stores,
            products=self.products,
            start=self.start,
            end=self.end,
        )


def _told_without_input(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """Refuse a source in our own words: pydantic would show its input, and that may be a password."""
    try:
        return handler(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        told = [f"{'.'.join(map(str, fault['loc'][1:])) or 'kind'}: {fault['msg']}" for fault in faults]
        raise BadSetting(
            f"this is no source of sales: {listed(told)}", remedy="correct or remove these fields"
        ) from None


Source = Annotated[
    FileSource | SqlSource | PresetSource, Field(discriminator="kind"), WrapValidator(_told_without_input)
]


def fingerprint(source: Source) -> str | None:
    """Hash what was asked for and the files' bytes; ``None`` where only reading could tell (SQL)."""
    if isinstance(source, SqlSource):
        return None
    digest = hashlib.blake2b(source.model_dump_json().encode(), digest_size=16)
    if isinstance(source, PresetSource):
        digest.update(f"generation {GENERATION}".encode())
        return digest.hexdigest()
    for file in source.files():
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "blake2b")
        digest.update(file.name.encode() + b"\0" + content.digest())
    return digest.hexdigest()


def secrets(url: sa.URL) -> list[str]:
    """What a URL holds that must never be shown."""
    password = [] if url.password is None else [url.password]
    named = [key for key in url.query if any(word in key.lower() for word in _SECRET_WORDS)]
    return [*password, *(str(url.query[key]) for key in named)]


def _round_trips(date_format: str) -> bool:
    day = pl.Series([date(2001, 11, 30)])
    try:
        return bool((day.dt.strftime(date_format).str.to_date(date_format, strict=False) == day).all())
    except pl.exceptions.PolarsError:
        return False


def _parsed(text: str, what: str) -> sa.URL:
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise BadSetting(
            f"{what} is not a SQLAlchemy URL", remedy="write it as dialect://user@host:port/database"
        ) from None

"""The options that say where sales come from, and the source they mean.

Belongs here: one dataclass per group of options, and what its values make.
Does not belong here: the commands (``dataset``), what a source does (``datasets.sources``).
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.sources import Columns, FileSource, SqlSource
from forecast_assets.datasets.sources.dialects import Dialect, character
from forecast_assets.datasets.sources.opening import is_url
from forecast_assets.datasets.sources.row_rules import RowRules
from forecast_assets.errors import BadSetting, listed
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.plans import ROLES, Role
from forecast_assets.model_validation import faults
from forecast_assets.order_settings import OrderSettings

Model = TypeVar("Model", bound=BaseModel)
_COLUMN = "Column of the "
Text = str | None
ChangeColumn = Annotated[
    Text,
    typer.Option(
        help="Column of the query that gets a newer value whenever a row is written, as updated_at: only "
        "weeks in which it changed are read again."
    ),
]


@dataclass(frozen=True, slots=True)
class ColumnOptions:
    """Which column plays which role; case and blanks do not matter."""

    store: Annotated[Text, typer.Option(help=_COLUMN + "store id; found by its name if unset.")] = None
    product: Annotated[Text, typer.Option(help=_COLUMN + "product id; found by its name if unset.")] = None
    date: Annotated[Text, typer.Option(help=_COLUMN + "day; found by its name if unset.")] = None
    units: Annotated[Text, typer.Option(help=_COLUMN + "units sold; found by its name if unset.")] = None
    price: Annotated[Text, typer.Option(help=_COLUMN + "price, known ahead.")] = None
    promo: Annotated[Text, typer.Option(help=_COLUMN + "promotion, known ahead.")] = None
    holiday: Annotated[Text, typer.Option(help=_COLUMN + "holiday, known ahead.")] = None
    closed: Annotated[Text, typer.Option(help=_COLUMN + "days on which the store was closed.")] = None
    open: Annotated[Text, typer.Option(help=_COLUMN + "days on which the store was open.")] = None
    stockout: Annotated[Text, typer.Option(help=_COLUMN + "days without stock.")] = None
    known_future: Annotated[
        list[str] | None,
        typer.Option(
            help="Further numeric column known ahead, NAME or NAME:ROLE. Its role says what a missing value "
            "means: number (unknown, the default), flag (off), carried or price (the last value holds)."
        ),
    ] = None
    static: Annotated[list[str] | None, typer.Option(help="Text attribute of a series.")] = None

    def with_static(self, column: str | None) -> "ColumnOptions":
        """Return these with one more static column, where it is needed for something else."""
        if column is None or column in (self.static or []):
            return self
        return replace(self, static=[*(self.static or []), column])

    def declared(self) -> dict[str, Any]:
        """The roles that were named, by the fields of ``Columns``."""
        options: dict[str, Any] = {name: value for name, value in asdict(self).items() if value is not None}
        if self.static is not None:
            options["static"] = tuple(self.static)
        if self.known_future is not None:
            roles = dict(_known_column(text) for text in self.known_future)
            options["known_future"] = tuple(roles)
            options["declared"] = {name: role for name, role in roles.items() if role is not None}
        return options


def _known_column(text: str) -> tuple[str, Role | None]:
    """Read ``NAME`` or ``NAME:ROLE``."""
    name, colon, role = text.rpartition(":")
    return (name, role) if colon and role in ROLES else (text, None)


@dataclass(frozen=True, slots=True)
class WritingOptions:
    """How files are written, and what rows mean that are not one a day."""

    date_format: Annotated[
        Text, typer.Option(help="How dates are written, as %d/%m/%Y; excel: day numbers of a spreadsheet.")
    ] = None
    separator: Annotated[Text, typer.Option(help="Character between columns: comma, semicolon, tab.")] = None
    quote: Annotated[Text, typer.Option(help="Character around text.")] = None
    encoding: Annotated[Text, typer.Option(help="As utf-8, cp1252 or utf-16.")] = None
    decimal: Annotated[Text, typer.Option(help="Character before decimals: point or comma.")] = None
    thousands: Annotated[Text, typer.Option(help="Between thousands: point, comma, space, none.")] = None
    sheet: Annotated[Text, typer.Option(help="Sheet of a spreadsheet; the first if unset.")] = None
    header_row: Annotated[
        int | None, typer.Option(help="Line that names the columns, where titles stand above it.")
    ] = None
    first_day: Annotated[Text, typer.Option(help="Day number 1 where days are numbered (d_1).")] = None
    single_store: Annotated[Text, typer.Option(help="Id of the one store, if no column says it.")] = None
    single_product: Annotated[Text, typer.Option(help="Id of the one product, if no column says it.")] = None
    time_zone: Annotated[
        Text, typer.Option(help="Zone of the stores, as Europe/Paris: stamps are converted to its days.")
    ] = None
    cut_time: Annotated[
        bool | None, typer.Option("--cut-time/--no-cut-time", help="Leave the time of a stamp out.")
    ] = None
    receipts: Annotated[Text, typer.Option(help="sum: add up all rows of a store, product and day.")] = None
    returns: Annotated[
        Text, typer.Option(help="Days of more returns than sales: keep (beside the sales) or zero.")
    ] = None
    overlap: Annotated[
        Text, typer.Option(help="Days in several files: newest (last name wins) or newest-time.")
    ] = None

    twins: Annotated[Text, typer.Option(help="keep: ids that differ only by case or blanks are two ids.")] = (
        None
    )

    totals: Annotated[
        Text,
        typer.Option(help="drop: leave out and count rows without a date and notes at the end, as sums."),
    ] = None

    def rows(self) -> dict[str, Any]:
        """The fields of ``RowRules`` that were named."""
        return self._named("time_zone", "cut_time", "receipts", "returns", "overlap", "twins", "totals")

    def dialect(self) -> dict[str, Any]:
        """The fields of ``Dialect`` that were named; a decimal comma if only its thousands were."""
        named = self._named("separator", "quote", "encoding", "decimal", "thousands")
        named = {name: text if name == "encoding" else character(text) for name, text in named.items()}
        if named.get("thousands") == "." and "decimal" not in named:
            named["decimal"] = ","
        return named

    def files(self) -> dict[str, Any]:
        """The fields of ``FileSource`` that were named."""
        return self._named(
            "date_format", "sheet", "header_row", "first_day", "single_store", "single_product"
        )

    def _named(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True)
class PlaceOptions:
    """The source itself."""

    path: Annotated[
        Text, typer.Option(help="A file, a folder, a pattern such as 'exports/*.csv', or a URL (s3://...).")
    ] = None
    sql_url: Annotated[
        Text, typer.Option(help="env:NAME of a variable with the URL, or a URL without password.")
    ] = None
    query: Annotated[Path | None, typer.Option(help="File with the SQL query that returns sales.")] = None
    change_column: ChangeColumn = None


@dataclass(frozen=True, slots=True)
class FurtherOptions:
    """Options of a dataset that are more than one value."""

    holidays_file: Annotated[
        Path | None, typer.Option(help="CSV with the columns store and country: holidays per store.")
    ] = None
    inventory: Annotated[
        Text,
        typer.Option(
            help="File of stock with the columns store, product, on_hand and counted; read again for every "
            "order proposal."
        ),
    ] = None
    plan_days: Annotated[
        list[str] | None,
        typer.Option(
            help="COLUMN=DAYS: for so many days after the newest sale the column is always known ahead; "
            "measured unless given."
        ),
    ] = None

    def complete(
        self, options: DatasetOptions, evaluation: EvaluationSettings, orders: OrderSettings
    ) -> DatasetOptions:
        """Return ``options`` with these. Raises ``BadSetting``."""
        named: dict[str, object] = {"evaluation": evaluation, "orders": orders}
        if self.plan_days is not None:
            named["plan_days"] = dict(_days_of(text) for text in self.plan_days)
        if self.inventory is not None:
            from forecast_assets.days import today
            from forecast_assets.orders.inventory import inventory_source

            named["inventory"] = inventory_source(self.inventory, today())
        if self.holidays_file is not None:
            from forecast_assets.datasets.holidays import read_mapping

            named["store_holidays"] = read_mapping(self.holidays_file)
        return DatasetOptions.model_validate({**dict(options), **named})


def _days_of(text: str) -> tuple[str, int]:
    name, equals, days = text.rpartition("=")
    if not equals or not days.isdecimal():
        raise BadSetting(f"--plan-days {text!r}", remedy="write COLUMN=DAYS, such as promo=14")
    return name, int(days)


def validate(model: type[Model], **values: object) -> Model:
    """Make a model of options; a wrong one is named as it is typed. Raises ``BadSetting``."""
    try:
        return model(**values)
    except ValidationError as error:
        place, why = faults(error)[0]
        option = place.replace("_", "-")
        raise BadSetting(f"--{option}: {why}", remedy=f"see --help for --{option}") from None


def absolute(path: str) -> str:
    """A path that holds in any folder; URLs are that already."""
    return path if is_url(path) else str(Path(path).absolute())


def file_source(path: str, writing: WritingOptions) -> FileSource:
    """The files that are meant, as far as they were described; their columns are for a profile to find."""
    return validate(
        FileSource,
        path=absolute(path),
        dialect=validate(Dialect, **writing.dialect()),
        rows=validate(RowRules, **writing.rows()),
        **writing.files(),
    )


def refuse_change_column(column: str | None) -> None:
    """Raise ``BadSetting`` where a source that is no query is to have a change column."""
    if column is not None:
        raise BadSetting(
            "--change-column only says something of a query",
            remedy="leave it out: what changed in files is found by their bytes",
        )


def sql_source(place: PlaceOptions, columns: ColumnOptions, writing: WritingOptions) -> SqlSource:
    """The query that is meant. Raises ``BadSetting`` without one."""
    query = place.query
    if query is None or not query.is_file():
        raise BadSetting(
            "--sql-url needs the query" if query is None else f"there is no query file {query}",
            remedy="give --query FILE.sql with a SELECT that returns one row per store, product and day",
        )
    if foreign := sorted({*writing.files(), *writing.dialect()} - {"decimal", "thousands"}):
        raise BadSetting(
            f"{listed([f'--{name}'.replace('_', '-') for name in foreign])} only says something of files",
            remedy="leave it out, or let the query do it",
        )
    return validate(
        SqlSource,
        url=place.sql_url,
        query=query.read_text(encoding="utf-8"),
        change_column=place.change_column,
        columns=validate(Columns, **columns.declared()),
        dialect=validate(Dialect, **writing.dialect()),
        rows=validate(RowRules, **writing.rows()),
    )

"""What a dataset is: its source, its options and its newest snapshot.

Belongs here: the record of a dataset and its life in the warehouse.
Does not belong here: reading sales (``sources``, ``canonical``) and building panels (``panels``).
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forecast_assets.datasets.names import no_dataset
from forecast_assets.datasets.sources import SOURCE, FileSource, Source
from forecast_assets.errors import BadSetting, Outage, UnknownName
from forecast_assets.evaluation_settings import EvaluationSettings, revised
from forecast_assets.forecasting.core.frequency import DAY, FREQUENCIES, Frequency, FrequencyName
from forecast_assets.model_validation import faults
from forecast_assets.order_settings import OrderSettings
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.rows.datasets import AutomaticDatasetsRow, DatasetRow, DatasetsRow


class DatasetOptions(BaseModel):
    """How a dataset's history is read and evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    anchor: Literal["newest_day", "week", "month"] = Field(
        default="newest_day",
        description="The day evaluations end on: the newest one, or the end of the last full week or month.",
    )
    launch: Literal["first_sale", "first_row"] = Field(
        default="first_sale",
        description="A series begins with its first sale (zeros before it are not history) or its first row.",
    )
    frequency: FrequencyName | None = Field(
        default=None, description="The period that a row of sales covers; found from the dates unless given."
    )
    aggregate: Literal["week", "month"] | None = Field(
        default=None,
        description="Add daily rows up to weeks from Monday or to months; incomplete ones at the ends are "
        "left out.",
    )
    holidays: str | None = Field(
        default=None,
        description="Country whose public holidays become the column holiday, such as DE or DE-BY.",
    )
    plan_days: dict[str, Annotated[int, Field(ge=0, le=730)]] = Field(
        default_factory=dict,
        description="Days that the plan of a known-future column is known ahead of the newest sale; measured "
        "for the columns that are left out.",
    )
    leave_out_stockouts: bool = Field(
        default=False,
        description="Days that look stocked out are neither scored nor learned from, as if they were marked.",
    )
    trust: tuple[str, ...] = Field(
        default=(), description="Columns that are used although they look as if they were made of the sales."
    )
    holidays_column: str | None = Field(
        default=None, description="Static column with the country (or region) of each store's holidays."
    )
    store_holidays: dict[str, str] | None = Field(
        default=None, description="Country (or region) of each store's holidays, by store id."
    )
    automatic: bool = Field(
        default=True, description="Let schedules and sensors load and evaluate it by themselves."
    )
    orders: OrderSettings = Field(
        default=OrderSettings(), description="What stock is decided for, unless an inventory file says it."
    )
    inventory: FileSource | None = Field(
        default=None, description="File of stock on hand and on order; read again for every proposal."
    )
    evaluation: EvaluationSettings = Field(
        default=EvaluationSettings(), description="Candidates, folds and rule unless a run says otherwise."
    )

    def as_settled(self) -> "DatasetOptions":
        """Return the options of a dataset that exists, whose period is never found anew."""
        return self if self.frequency else self.model_copy(update={"frequency": DAY.name})

    @property
    def period(self) -> Frequency:
        """The length of a period and what follows from it."""
        return FREQUENCIES[self.aggregate or self.frequency or DAY.name]

    def anchor_day(self, newest: dt.date) -> dt.date:
        """Return the first day of the last period that an evaluation may read, at most ``newest``.

        Where a row covers a week or a month, each period is a full one.
        """
        if self.period != DAY:
            return newest
        if self.anchor == "week":
            return newest - dt.timedelta(days=newest.isoweekday() % 7)
        if self.anchor == "month":
            tomorrow = newest + dt.timedelta(days=1)
            return tomorrow.replace(day=1) - dt.timedelta(days=1)
        return newest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One frozen state of a dataset's sales. ``hash`` covers the canonical content, not its origin.

    Its files may hold how they differ from those in the folders ``bases``.
    """

    dataset: str
    hash: str
    sales_path: str
    panel_path: str | None
    source_fingerprint: str | None
    first_day: dt.date
    last_day: dt.date
    row_count: int
    series_count: int
    store_count: int
    run_id: str
    summary: dict[str, Any]
    bases: list[str]

    def files(self, lake: Lake) -> list[str]:
        """The frozen sales, one file per store. Raises ``Outage`` when the lake lacks any."""
        files = lake.list(self.sales_path)
        if len(files) != self.store_count:
            raise Outage(
                f"the lake holds sales of {len(files):,} of the {self.store_count:,} stores "
                f"of {self.dataset}",
                remedy="load the dataset again with --force",
            )
        return files


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named source of sales with its options and the snapshot that is current, if any.

    ``measured_reach`` is what was measured at the anchor ``reach_anchor``, ``None`` before the first panel.
    """

    name: str
    source: Source
    options: DatasetOptions
    snapshot: Snapshot | None
    measured_reach: Mapping[str, int] | None = None
    reach_anchor: dt.date | None = None

    @property
    def reach(self) -> dict[str, int]:
        """Days after an origin that the plan of each column is known; without a limit for other columns."""
        return {**(self.measured_reach or {}), **self.options.plan_days}

    @property
    def series_count(self) -> int:
        """How many series its current sales have; 0 before the first ones."""
        return 0 if self.snapshot is None else self.snapshot.series_count

    def looking(self, *, horizon: int | None, gap: int | None) -> "Dataset":
        """The same dataset evaluated and forecast over another horizon, or after another gap."""
        evaluation = revised(self.options.evaluation, {"horizon": horizon, "gap": gap})
        return replace(self, options=self.options.model_copy(update={"evaluation": evaluation}))

    def plan_steps(self, ahead: int) -> dict[str, int]:
        """The reach of the columns that are not known over ``ahead`` days: what results depend on."""
        return {name: days for name, days in sorted(self.reach.items()) if days < ahead}

    def built(self) -> Snapshot:
        """The current snapshot. Raises ``UnknownName`` when the dataset was never built."""
        if self.snapshot is None or self.snapshot.panel_path is None:
            raise UnknownName(
                f"dataset {self.name!r} has no panel yet",
                remedy=f"materialize sales and panel of partition {self.name}, "
                f"or run `forecast-assets evaluate {self.name}`",
            )
        return self.snapshot


def load(stores: Stores, name: str) -> Dataset:
    """Read a dataset. Raises ``UnknownName`` listing those that exist, ``BadSetting`` for foreign options."""
    row = stores.warehouse.row(DatasetRow, name=name)
    if row is None:
        raise no_dataset(name, names(stores))
    return Dataset(
        name=name,
        source=SOURCE.validate_python(row["source"]),
        options=_options(name, row["options"]),
        snapshot=_snapshot(row),
        **_reach(row["plan_reach"]),
    )


def _reach(stored: object) -> dict[str, Any]:
    if not isinstance(stored, dict):
        return {}
    return {"measured_reach": stored["days"], "reach_anchor": dt.date.fromisoformat(stored["anchor"])}


def _options(name: str, stored: object) -> DatasetOptions:
    try:
        return DatasetOptions.model_validate_json(json.dumps(stored))
    except ValidationError as error:
        place, why = faults(error)[0]
        raise BadSetting(
            f"the stored options of dataset {name!r} are not understood: {place}: {why}",
            remedy="install the release that stored them, or remove the dataset and add it again",
        ) from None


def _snapshot(row: Mapping[str, Any]) -> Snapshot | None:
    if row["hash"] is None:
        return None
    return Snapshot(**{name: row[name] for name in Snapshot.__dataclass_fields__})


def names(stores: Stores) -> list[str]:
    """All datasets, sorted."""
    return [row["name"] for row in stores.warehouse.rows(DatasetsRow)]


def automatic(stores: Stores) -> list[str]:
    """Datasets that schedules and sensors look after, sorted."""
    return [row["name"] for row in stores.warehouse.rows(AutomaticDatasetsRow)]


def check_free(stores: Stores, name: str) -> None:
    """Raise ``BadSetting`` when there is a dataset of this name."""
    if name in names(stores):
        raise BadSetting(
            f"dataset {name!r} exists already",
            remedy=f"choose another name, or `forecast-assets dataset remove {name} --yes` first",
        )


def add(stores: Stores, name: str, source: Source, options: DatasetOptions) -> None:
    """Store a new dataset. Raises ``BadSetting`` when the name is taken."""
    check_free(stores, name)
    record = pl.DataFrame(
        {
            "name": [name],
            "source": [SOURCE.dump_json(source).decode()],
            "options": [options.model_dump_json()],
        }
    )
    with stores.warehouse.transaction() as connection:
        stores.warehouse.copy(connection, "dataset", record)


def change(stores: Stores, name: str, source: Source, options: DatasetOptions) -> None:
    """Store another source and other options of a dataset. Raises ``UnknownName``."""
    load(stores, name)
    stores.warehouse.execute(
        "change_dataset",
        name=name,
        source=SOURCE.dump_json(source).decode(),
        options=options.model_dump_json(),
    )


def remove(stores: Stores, name: str) -> None:
    """Forget a dataset with all its rows and files. Raises ``UnknownName``."""
    load(stores, name)
    stores.warehouse.execute("remove_dataset", name=name)
    for folder in paths.FOLDERS:
        if folder.by_dataset:
            stores.lake.delete(folder.path(name))

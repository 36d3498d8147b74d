"""``forecast-assets dataset change``: other columns, files or options for a dataset that exists.

Belongs here: what is typed, laid over what the dataset has.
Does not belong here: what a change does (``datasets.changing``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import create_model

from forecast_assets.cli.console import SAY
from forecast_assets.cli.existing import check_dataset
from forecast_assets.cli.home import open_instance
from forecast_assets.cli.option_groups import grouped
from forecast_assets.cli.options import takes
from forecast_assets.cli.source_options import (
    ChangeColumn,
    ColumnOptions,
    FurtherOptions,
    WritingOptions,
    absolute,
    refuse_change_column,
    validate,
)
from forecast_assets.datasets import definition
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.sources import Columns, FileSource, PresetSource, Source, SqlSource
from forecast_assets.datasets.sources.dialects import Dialect
from forecast_assets.datasets.sources.row_rules import RowRules
from forecast_assets.days import today
from forecast_assets.derived import optional
from forecast_assets.errors import BadSetting, listed
from forecast_assets.evaluation_changes import EvaluationChanges
from forecast_assets.evaluation_settings import revised, suited_anew
from forecast_assets.model_validation import validate_model
from forecast_assets.order_settings import OrderSettings
from forecast_assets.stores.opening import open_stores

ELSEWHERE = {"evaluation", "inventory", "orders", "plan_days", "store_holidays"}
_PLAIN: Any = {
    name: (field.annotation, field)
    for name, field in DatasetOptions.model_fields.items()
    if name not in ELSEWHERE
}
if TYPE_CHECKING:
    from pydantic import BaseModel as OptionChanges
else:
    OptionChanges = optional(create_model("PlainOptions", **_PLAIN), unset="Unset: as it is.")
if TYPE_CHECKING:
    from pydantic import BaseModel as OrderChanges
else:
    OrderChanges = optional(OrderSettings, unset="Unset: as it is.")
_SINGLE = ("price", "promo", "holiday", "closed", "open", "stockout")


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """What only a change has."""

    path: Annotated[str | None, typer.Option(help="Other files.")] = None
    change_column: ChangeColumn = None
    drop: Annotated[
        list[str] | None,
        typer.Option(help="Role, column or option that is no longer used: promo, rain, holidays."),
    ] = None


@takes(OptionChanges, parameter="options", panel="Dataset")
@takes(EvaluationChanges, parameter="evaluation", panel="Evaluation")
@takes(OrderChanges, parameter="orders", panel="Orders")
@grouped
def change(  # noqa: PLR0917 - one parameter per group of options
    name: Annotated[str, typer.Argument(help="Name of the dataset.")],
    options: OptionChanges,
    evaluation: EvaluationChanges,
    orders: OrderChanges,
    columns: ColumnOptions,
    writing: WritingOptions,
    further: FurtherOptions,
    different: ChangeOptions,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, though series must be evaluated again.")] = False,  # noqa: FBT002
) -> None:
    """Change columns, files or options of a dataset; what stays valid is kept, the rest is said before."""
    check_dataset(name)
    from forecast_assets.datasets import changing

    stores = open_stores()
    before = definition.load(stores, name)
    dropped = set(different.drop or ())
    columns = columns.with_static(getattr(options, "holidays_column", None))
    source = _source(before.source, columns, writing, different.path, dropped)
    source = _watched(source, different.change_column, dropped)
    settled = _options(before.options, options.model_dump(exclude_none=True, mode="json"), dropped)
    suited = suited_anew(settled.evaluation, before.options.period, settled.period)
    settled = settled.model_copy(update={"evaluation": revised(suited, evaluation.changes())})
    own = _orders(before.options.orders, orders.model_dump(exclude_none=True, mode="json"), dropped)
    settled = further.complete(settled, settled.evaluation, own)
    if dropped:
        raise BadSetting(
            f"--drop {listed(sorted(dropped))}: dataset {name!r} has nothing of that name",
            remedy=f"see `forecast-assets dataset show {name}`",
        )
    if changing.is_of_orders(before, source, settled):
        for sentence in changing.differences(before, source, settled):
            SAY.print(f"  {sentence}", markup=False)
        definition.change(stores, name, source, settled)
        SAY.print(f"changed {name}: all results stay valid", markup=False)
        return
    effects = changing.preview(stores, name, source, settled, today())
    for sentence in effects.sentences:
        SAY.print(f"  {sentence}", markup=False)
    SAY.print(effects.sentence, markup=False)
    if (effects.stale or effects.gone) and not yes:
        raise BadSetting(f"{effects.sentence}; nothing is changed yet", remedy="say --yes if you mean it")
    from forecast_assets.partitions import register_series

    instance = open_instance()
    loaded = changing.change(
        stores, name, source, settled, today(), register=lambda keys: register_series(instance, keys)
    )
    is_same = loaded.reused and source == before.source
    SAY.print(f"changed {name}: {'its sales are the same' if is_same else loaded.why}", markup=False)
    if effects.stale or effects.new:
        SAY.print(f"next: forecast-assets evaluate {name}", markup=False)


def _source(
    before: Source, columns: ColumnOptions, writing: WritingOptions, path: str | None, dropped: set[str]
) -> Source:
    """The source with what was typed in place of what it had."""
    declared, files = columns.declared(), writing.files()
    if isinstance(before, PresetSource):
        if declared or files or path or writing.rows() or writing.dialect():
            raise BadSetting(
                "a preset brings its own columns", remedy="change options only, or add another dataset"
            )
        return before
    named_otherwise = dropped - DatasetOptions.model_fields.keys() - OrderSettings.model_fields.keys()
    if not (declared or files or path or writing.rows() or writing.dialect() or named_otherwise):
        return before
    roles = {**before.columns.model_dump(), **declared}
    for name in ("known_future", "static"):
        roles[name] = tuple(dict.fromkeys((*getattr(before.columns, name), *declared.get(name, ()))))
    roles["declared"] = {**before.columns.declared, **declared.get("declared", {})}
    roles = _without(roles, dropped)
    changed: dict[str, object] = {
        "dialect": validate(Dialect, **{**before.dialect.model_dump(), **writing.dialect()}),
        "rows": validate(RowRules, **{**before.rows.model_dump(), **writing.rows()}),
        "columns": validate(Columns, **roles),
    }
    if not isinstance(before, FileSource):
        return type(before).model_validate({**dict(before), **changed})
    moved = {"path": absolute(path)} if path else {}
    source = FileSource.model_validate({**dict(before), **changed, **files, **moved})
    named = {name: value for name, value in roles.items() if value}
    if source.wide:
        named = {name: value for name, value in named.items() if name not in {"date", "units"}}
    from forecast_assets.datasets import profiles

    return profiles.profile(source, named).source


def _watched(source: Source, column: str | None, dropped: set[str]) -> Source:
    """The source with another change column, or without one."""
    if not isinstance(source, SqlSource):
        refuse_change_column(column)
        return source
    gone = dropped & {"change_column", source.change_column}
    dropped -= gone
    if column is None and not gone:
        return source
    return validate(SqlSource, **{**dict(source), "change_column": column})


def _without(roles: dict[str, Any], dropped: set[str]) -> dict[str, Any]:
    """Leave out the roles and columns that are dropped; what was found is taken off ``dropped``."""
    kept = dict(roles)
    for role in _SINGLE:
        if kept[role] is not None and dropped & {role, kept[role]}:
            dropped -= {role, kept[role]}
            kept[role] = None
    for role in ("known_future", "static"):
        gone = dropped & set(kept[role])
        kept[role] = tuple(name for name in kept[role] if name not in gone)
        kept["declared"] = {name: one for name, one in kept["declared"].items() if name not in gone}
        dropped -= gone
    return kept


def _orders(before: OrderSettings, named: dict[str, Any], dropped: set[str]) -> OrderSettings:
    reset = dropped & OrderSettings.model_fields.keys()
    dropped -= reset
    kept = {name: value for name, value in dict(before).items() if name not in reset}
    return validate_model(OrderSettings, {**kept, **named}, what="option")


def _options(before: DatasetOptions, named: dict[str, Any], dropped: set[str]) -> DatasetOptions:
    reset = {name for name in dropped if name in DatasetOptions.model_fields and name != "evaluation"}
    dropped -= reset
    if {"holidays", "holidays_column"} & named.keys():
        reset |= {"holidays", "holidays_column", "store_holidays"} - named.keys()
    kept = {name: value for name, value in dict(before).items() if name not in reset}
    return DatasetOptions.model_validate({**kept, **named})

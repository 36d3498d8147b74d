"""``forecast-assets register``, ``promote``, ``rollback``, ``explain-model``: which model is live, and why.

Belongs here: options, listings and exit codes.
Does not belong here: decisions (``registry.proposals``) and where a model came from (``registry.lineage``).
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import polars as pl
import typer

from forecast_assets.cli.console import (
    BROKE,
    SAY,
    ColumnsOption,
    Format,
    FormOption,
    View,
    WideOption,
    listing,
)
from forecast_assets.cli.existing import check_dataset
from forecast_assets.cli.home import open_instance
from forecast_assets.cli.options import takes
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.membership import check_series, series_of
from forecast_assets.datasets.series_names import keys_of
from forecast_assets.errors import BadSetting, listed
from forecast_assets.launches.batch.config import WHOLE, ScopeConfig, ScopeKind
from forecast_assets.registry import proposals as decisions
from forecast_assets.registry.decision_counts import diff, moved_counts
from forecast_assets.registry.gates import QUALITY
from forecast_assets.registry.promotion import Action, Decision, Moved, rolled_back
from forecast_assets.registry.proposals import Proposal, Refused
from forecast_assets.rendering.numbers import plural
from forecast_assets.stores import Stores
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import open_registry

Dataset = Annotated[str, typer.Argument(help="Dataset whose live models change.")]
SeriesOption = Annotated[list[str] | None, typer.Option("--series", help="Only this series key.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without, only what would change is shown.")]
Confirm = Annotated[str, typer.Option(help="To apply: type the dataset's name.")]
ApprovedBy = Annotated[str, typer.Option(help="To apply: who takes the decision.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the record.")]
Acknowledge = Annotated[
    list[str] | None,
    typer.Option(help=f"What may not stop it: {', '.join(decisions.ACKNOWLEDGEMENTS)}. May be repeated."),
]

_NOTHING = {
    "promoted": "no series awaits a decision; `forecast-assets register {}` offers new champions",
    "rolled_back": "nothing to go back to: no series of {} has a live version that took the place of another",
}


def register(
    dataset: Annotated[str, typer.Argument(help="Dataset whose champions are registered.")],
    series: SeriesOption = None,
    candidate: Annotated[str | None, typer.Option(help="Override: this candidate, no champion.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why the champion is overridden.")] = None,
) -> None:
    """Register champions as challengers in MLflow; nothing becomes live by it."""
    check_dataset(dataset)
    stores = open_stores()
    load(stores, dataset).built()
    keys = series_of(stores, dataset)
    series = None if series is None else keys_of(stores, series)
    check_series(stores, dataset, series or ())
    from forecast_assets.cli.running import execute, range_tags

    instance = open_instance()
    config = {"registered_champion": {"config": {"candidate": candidate, "reason": reason}}}
    waiting = {
        key: held["challenger"]
        for key, held in open_registry().aliases(series or keys).items()
        if "challenger" in held
    }
    for first, last in [(key, key) for key in series] if series else [(keys[0], keys[-1])]:
        execute(instance, "register_champions", {"ops": config}, tags=range_tags(first, last))
    aliases = open_registry().aliases(series or keys)
    _say_gone(stores, dataset)
    withdrawn = [
        f"{key}/{version}" for key, version in waiting.items() if "challenger" not in aliases.get(key, {})
    ]
    if withdrawn:
        SAY.print(
            f"withdrawn, since the champion of their series is live or was rolled back: "
            f"{plural(len(withdrawn), 'version')}, {listed(withdrawn)}"
        )
    rejected = [
        f"{key}/{version}"
        for key, version in rolled_back(stores, series or keys)
        if "challenger" not in aliases.get(key, {})
    ]
    if rejected:
        SAY.print(
            f"not offered again, since rolled back: {plural(len(rejected), 'version')}, {listed(rejected)}"
        )
    SAY.print(f"{sum('challenger' in held for held in aliases.values()):,} series await a decision")


def _say_gone(stores: Stores, dataset: str) -> None:
    from forecast_assets.registry import gone

    for sentence in gone.sentences(gone.gone(stores, open_registry, dataset)):
        SAY.print(sentence, markup=False)


@takes(ScopeConfig, parameter="scope", arguments={"dataset"}, defaults=WHOLE)
def promote(  # noqa: PLR0917 - one parameter per option
    scope: ScopeConfig,
    apply: Apply = False,  # noqa: FBT002
    confirm: Confirm = "",
    approved_by: ApprovedBy = "",
    reason: Reason = None,
    acknowledge: Acknowledge = None,
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Show which challengers would become live, with their gates; with --apply make them live."""
    check_dataset(scope.dataset)
    decided = (approved_by, reason, acknowledge or [])
    if apply:
        decisions.check_decision(scope.dataset, confirm, approved_by, acknowledge or [])
    chosen = keys_of(open_stores(), scope.series or ()) or (
        None if scope.scope is ScopeKind.all else _of_scope(scope)
    )
    check_series(open_stores(), scope.dataset, chosen or ())
    from forecast_assets.dagster_internals.check_results import failed_checks

    failed = failed_checks(open_instance, open_stores(), QUALITY, scope.dataset)
    proposals = decisions.promotions(
        open_stores(), open_registry(), scope.dataset, chosen, failed_checks=failed
    )
    _say_gone(open_stores(), scope.dataset)
    _settle(scope.dataset, "promoted", proposals, decided, apply=apply, view=View(form, columns, wide))


def rollback(  # noqa: PLR0917 - one parameter per option
    dataset: Dataset,
    series: SeriesOption = None,
    version: Annotated[
        int | None, typer.Option("--to", min=1, help="Version to go to; the previous when unset.")
    ] = None,
    apply: Apply = False,  # noqa: FBT002
    confirm: Confirm = "",
    approved_by: ApprovedBy = "",
    reason: Reason = None,
    acknowledge: Acknowledge = None,
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Show which version would be live again; with --apply go back to it."""
    check_dataset(dataset)
    decided = (approved_by, reason, acknowledge or [])
    if apply:
        decisions.check_decision(dataset, confirm, approved_by, acknowledge or [])
    stores = open_stores()
    named = None if series is None else keys_of(stores, series)
    check_series(stores, dataset, named or ())
    proposals = decisions.rollbacks(stores, open_registry(), dataset, named, version=version)
    _settle(dataset, "rolled_back", proposals, decided, apply=apply, view=View(form, columns, wide))


def _of_scope(config: ScopeConfig) -> list[str]:
    from forecast_assets.launches.scopes import pairs

    stores = open_stores()
    members = set(series_of(stores, config.dataset))
    requested = pairs(stores, load(stores, config.dataset), config.chosen())
    return [str(key) for key in requested if str(key) in members]


def _settle(
    dataset: str,
    action: Action,
    proposals: Sequence[Proposal],
    decided: tuple[str, str | None, list[str]],
    *,
    apply: bool,
    view: View,
) -> None:
    approved_by, reason, acknowledge = decided
    frame = pl.DataFrame([one.row() for one in proposals], infer_schema_length=None)
    if proposals:
        listing(frame, view, "proposals")
    SAY.print(diff(proposals) if proposals else _NOTHING[action].format(dataset), markup=False)
    if not apply:
        SAY.print("a dry run: nothing was changed; --apply --confirm DATASET --approved-by NAME does it")
        return
    from forecast_assets.launches.promotions import carry_out
    from forecast_assets.registry.jobs import show_decision

    decision = Decision(str(uuid.uuid4()), action, approved_by.strip(), reason, tuple(acknowledge))
    done = carry_out(open_stores(), open_registry(), decision, proposals, dataset=dataset)
    show_decision(open_instance(), decision, done)
    for one in done:
        if isinstance(one, Refused) or one.outcome == "conflict":
            SAY.print(f"  {one.series}: {one.sentence}", markup=False)
    SAY.print(moved_counts(done))
    undone = sum(not isinstance(one, Moved) or one.outcome == "conflict" for one in done)
    raise SystemExit(BROKE if undone else 0)


def explain_model(
    model: Annotated[str, typer.Argument(help="KEY@champion, KEY@previous, KEY@challenger or KEY/VERSION.")],
    form: FormOption = Format.TABLE,
) -> None:
    """Print how a model came to be, who decided about it, and its WAPE, computed once more.

    Ends with exit code 2 when its files are not what was registered: nothing is computed from them.
    """
    from forecast_assets.registry.lineage import lineage

    history = lineage(open_stores(), open_registry(), model)
    version = history.version
    facts = {name: value for name, value in version.items() if name != "settings"} | {
        "aliases": ", ".join(history.aliases) or None,
        "artifact": history.intact.sentence,
        "wape_again": history.wape,
        "wape_again_from": history.how,
        "reproduced": None if history.wape is None else _same(history.wape, version["wape"]),
    }
    rows = [{"what": name, "value": None if value is None else str(value)} for name, value in facts.items()]
    listing(pl.DataFrame(rows, schema={"what": pl.String, "value": pl.String}), View(form))
    for row in history.decisions:
        SAY.print(
            f"{row['decided_at']:%Y-%m-%d %H:%M} {row['action']} version {row['from_version'] or 'none'} -> "
            f"{row['to_version'] or 'none'} by {row['approved_by'] or 'somebody in MLflow'}"
            f"{': ' * bool(row['reason'])}{row['reason'] or ''}",
            markup=False,
        )
    counts = Counter(str(row["action"]) for row in history.decisions)
    SAY.print(f"on record about this series: {plural(sum(counts.values()), 'decision')}")
    if not history.intact.passed:
        raise BadSetting(
            f"{version['series']}/{version['version']}: {history.intact.sentence}",
            remedy="`forecast-assets state mend --apply` forgets such versions; then register again",
        )


def _same(again: float, stored: float | None) -> bool:
    return stored is not None and abs(again - stored) <= 1e-6 * max(1.0, abs(again))

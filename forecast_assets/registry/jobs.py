"""Promotion and rollback from the Launchpad: a dry run first, then a confirmation that is typed.

Belongs here: the jobs ``promote_champions`` and ``rollback_champions``, and what their fields say.
Does not belong here: the diff and the gates (``proposals``), the protocol (``promotion``).
"""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from forecast_assets.dagster_internals.check_results import failed_checks
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.launches.promotions import carry_out
from forecast_assets.launches.worker_pool import RunControl
from forecast_assets.registry import gone
from forecast_assets.registry import proposals as decisions
from forecast_assets.registry.assets import REGISTERED
from forecast_assets.registry.decision_counts import diff, moved_counts, outcome
from forecast_assets.registry.gates import QUALITY, Limits
from forecast_assets.registry.promotion import Action, Decision, Moved
from forecast_assets.registry.proposals import ACKNOWLEDGEMENTS, Proposal, Refused
from forecast_assets.rendering.tables import table
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.resource import RegistryResource, StoresResource

_MOST_LISTED = 200
LISTED = (
    "series",
    "change",
    "from_version",
    "to_version",
    "from_candidate",
    "to_candidate",
    "from_wape",
    "to_wape",
    "from_frame",
    "to_frame",
    "failed_gates",
    "needs",
)


class DecisionConfig(dg.Config):
    """What is decided about, by whom."""

    dataset: str = Field(description="Dataset whose live models change.")
    series: list[str] = Field(default=[], description="Only these series keys; all when empty.")
    apply: bool = Field(default=False, description="Do it. Without, only what would change is shown.")
    confirm: str = Field(default="", description="To apply: type the dataset's name.")
    approved_by: str = Field(default="", description="To apply: who takes the decision.")
    reason: str | None = Field(default=None, description="Why, for the record.")
    acknowledge: list[str] = Field(
        default=[], description=f"What may not stop it: {', '.join(ACKNOWLEDGEMENTS)}."
    )

    def decision(self, run_id: str, action: Action) -> Decision:
        """The decision. Raises ``BadSetting`` unless it was confirmed."""
        decisions.check_decision(self.dataset, self.confirm, self.approved_by, self.acknowledge)
        return Decision(run_id, action, self.approved_by.strip(), self.reason, tuple(self.acknowledge))


class PromoteConfig(DecisionConfig):
    """What is promoted, by whom, and what the gates let pass."""

    max_relative_bias: float = Field(default=0.25, ge=0, le=10, description="Bias as a share of demand.")
    max_stability: float = Field(default=50, ge=0, le=1000, description="Spread of WAPE over folds, percent.")
    max_expected_wape: float = Field(
        default=100, ge=0, le=1000, description="WAPE that a champion may be expected to have, percent."
    )
    max_age_days: int = Field(default=14, ge=0, le=365, description="Days that the version may be behind.")

    def limits(self) -> Limits:
        """What the gates let pass."""
        return Limits(self.max_relative_bias, self.max_stability, self.max_age_days, self.max_expected_wape)


class RollbackConfig(DecisionConfig):
    """What is rolled back, by whom."""

    version: int | None = Field(default=None, ge=1, description="Version to go to; the previous when unset.")


@dg.op(retry_policy=RETRY)
def promote(
    context: dg.OpExecutionContext, config: PromoteConfig, stores: StoresResource, registry: RegistryResource
) -> None:
    """Show what would become live, or make it live."""
    with refusals_final():
        failed = failed_checks(lambda: context.instance, stores.open(), QUALITY, config.dataset)
        proposals = decisions.promotions(
            stores.open(),
            registry.open(),
            config.dataset,
            config.series or None,
            limits=config.limits(),
            failed_checks=failed,
        )
        _carried_out(context, config, "promoted", proposals, (stores.open(), registry.open()))


@dg.op(retry_policy=RETRY)
def roll_back(
    context: dg.OpExecutionContext, config: RollbackConfig, stores: StoresResource, registry: RegistryResource
) -> None:
    """Show which version would be live again, or make it so."""
    with refusals_final():
        proposals = decisions.rollbacks(
            stores.open(), registry.open(), config.dataset, config.series or None, version=config.version
        )
        _carried_out(context, config, "rolled_back", proposals, (stores.open(), registry.open()))


def _carried_out(
    context: dg.OpExecutionContext,
    config: DecisionConfig,
    action: Action,
    proposals: Sequence[Proposal],
    opened: tuple[Stores, Registry],
) -> None:
    context.add_output_metadata({"proposals": table([one.row() for one in proposals[:_MOST_LISTED]], LISTED)})
    context.log.info("%s", diff(proposals))
    for sentence in gone.sentences(gone.gone(opened[0], lambda: opened[1], config.dataset)):
        context.log.warning(sentence)
    if not config.apply:
        context.log.info("a dry run: nothing was changed; set apply, confirm and approved_by to do it")
        return
    decision = config.decision(context.run.run_id, action)
    is_last = context.retry_number >= (RETRY.max_retries or 0)
    control = RunControl(log=context.log.info, last_try=is_last)
    done = carry_out(*opened, decision, proposals, dataset=config.dataset, control=control)
    show_decision(context.instance, decision, done)
    for one in done[:_MOST_LISTED]:
        context.log.info("%s: %s", one.series, one.sentence)
    summary = moved_counts(done)
    context.log.info("%s", summary)
    context.instance.add_run_tags(context.run.run_id, {"forecast/outcome": outcome(done)})


def show_decision(instance: dg.DagsterInstance, decision: Decision, done: Sequence[Moved | Refused]) -> None:
    """Tell on the page of every series that moved who decided it; of many series the audit tells alone."""
    moved = [one for one in done if isinstance(one, Moved) and one.outcome == "applied"]
    for one in moved if len(moved) <= environment().detailed_series else ():
        metadata: dict[str, str | int] = {"decision": one.sentence, "approved_by": decision.approved_by}
        if decision.reason:
            metadata["reason"] = decision.reason
        instance.report_runless_asset_event(
            dg.AssetObservation(
                REGISTERED, partition=one.series, metadata={"action": decision.action, **metadata}
            )
        )


@dg.job(config=example("promote", dataset=NEWEST))
def promote_champions() -> None:
    """Let challengers become live models: a dry run first, then with a typed confirmation."""
    promote()


@dg.job(config=example("roll_back", dataset=NEWEST))
def rollback_champions() -> None:
    """Go back to the previous version or to a named one: a dry run first, then with a confirmation."""
    roll_back()

"""Should a registered version become live? What would change, what speaks against it, who has to agree.

Belongs here: the diff of a promotion or rollback, the gates with their limits, what must be acknowledged.
Does not belong here: moving aliases and the record (``promotion``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from forecast_assets.confirmation import check_confirmation
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.membership import check_series, series_of
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.registry import gates as gates_of
from forecast_assets.registry.gates import Gate, Limits
from forecast_assets.registry.promotion import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Decision,
    Move,
    Moved,
    carry_out,
    complete_begun,
    previous_versions,
    rolled_back,
)
from forecast_assets.registry.verification import verified
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.datasets import DemandOfRow
from forecast_assets.stores.rows.evaluations import ChampionsOfRow, MetricsOfRow
from forecast_assets.stores.rows.registry import ModelVersionsOfRow
from forecast_assets.stores.warehouse import Row

USUAL = Limits()
ACKNOWLEDGEMENTS = ("override", "worse_wape", "feature_frame", "gates", "rolled_back")
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would happen to one series; ``needs`` are the acknowledgements without which it does not.

    WAPEs are of the same folds, the newest ones, and unknown where a candidate was not scored on them.
    """

    series: str
    change: Literal["new", "updated", "unchanged"]
    from_version: int | None
    to_version: int
    from_candidate: str | None
    to_candidate: str
    from_wape: float | None
    to_wape: float | None
    from_frame: int | None
    to_frame: int
    is_override: bool
    gates: Sequence[Gate]
    needs: Sequence[str]

    @property
    def is_intact(self) -> bool:
        return all(gate.passed for gate in self.gates if gate.name == "artifact_verified")

    def row(self) -> Row:
        """The proposal as one line of a listing."""
        failed = [f"{gate.name}: {gate.sentence}" for gate in self.gates if gate.passed is False]
        unknown = [f"{gate.name}: {gate.sentence}" for gate in self.gates if gate.passed is None]
        values = {name: value for name, value in asdict(self).items() if name not in {"gates", "needs"}}
        return values | {
            "failed_gates": "; ".join(failed) or None,
            "unknown_gates": "; ".join(unknown) or None,
            "needs": ", ".join(self.needs) or None,
        }


def promotions(
    stores: Stores,
    registry: Registry,
    dataset: str,
    series: Sequence[str] | None = None,
    *,
    limits: Limits = USUAL,
    failed_checks: Sequence[str] = (),
) -> list[Proposal]:
    """What promoting the challengers of a dataset (or of some of its series) would change, by key."""
    keys, aliases = _aliases(stores, registry, dataset, series)
    # One whose challenger is gone already would have no proposal, and nobody else would look at it here.
    complete_begun(stores, registry, aliases)
    targets = {key: aliases[key][CHALLENGER] for key in keys if CHALLENGER in aliases.get(key, {})}
    return _Comparison(stores, registry, dataset, aliases, limits=limits, failed_checks=failed_checks).of(
        targets
    )


def rollbacks(
    stores: Stores,
    registry: Registry,
    dataset: str,
    series: Sequence[str] | None = None,
    *,
    version: int | None = None,
    limits: Limits = USUAL,
) -> list[Proposal]:
    """What going back to a version (the previous one when unset) would change, by key."""
    keys, aliases = _aliases(stores, registry, dataset, series)
    live = [key for key in keys if CHAMPION in aliases.get(key, {})]
    # The record knows what was live before; the alias only where somebody moved it in MLflow.
    before = previous_versions(stores, {key: aliases[key][CHAMPION] for key in live})
    targets = {key: version or before.get(key, aliases[key].get(PREVIOUS)) or 0 for key in live}
    possible = {key: target for key, target in targets.items() if target}
    return _Comparison(stores, registry, dataset, aliases, limits=limits, goes_back=True).of(possible)


def _aliases(
    stores: Stores, registry: Registry, dataset: str, series: Sequence[str] | None
) -> tuple[list[str], dict[str, dict[str, int]]]:
    load(stores, dataset)
    check_series(stores, dataset, series or ())
    keys = sorted(series) if series else series_of(stores, dataset)
    return keys, registry.aliases(keys) if keys else {}


class _Comparison:
    """What is known of live versions and of those that may take their place."""

    def __init__(
        self,
        stores: Stores,
        registry: Registry,
        dataset: str,
        aliases: Mapping[str, Mapping[str, int]],
        *,
        limits: Limits,
        failed_checks: Sequence[str] = (),
        goes_back: bool = False,
    ) -> None:
        self._goes_back = goes_back
        self._stores, self._registry, self._aliases = stores, registry, aliases
        self._limits, self._failed_checks = limits, failed_checks
        self._last_day = load(stores, dataset).built().last_day

    def of(self, targets: Mapping[str, int]) -> list[Proposal]:
        keys = list(targets)
        versions = {
            (row["series"], row["version"]): row
            for row in self._stores.warehouse.rows(ModelVersionsOfRow, series=keys)
        }
        scored = {
            (row["series"], row["candidate"]): row
            for row in self._stores.warehouse.rows(MetricsOfRow, series=keys)
        }
        demand = {
            row["series"]: row["average_daily_demand"]
            for row in self._stores.warehouse.rows(DemandOfRow, series=keys)
        }
        champions = {row["series"]: row for row in self._stores.warehouse.rows(ChampionsOfRow, series=keys)}
        rejected = {} if self._goes_back else rolled_back(self._stores, keys)
        intact = verified(self._registry, [versions[pair] for pair in targets.items() if pair in versions])
        proposals = []
        for key, version in targets.items():
            target = versions.get((key, version))
            if target is None:
                raise UnknownName(
                    f"version {version} of {key} was not registered here",
                    remedy="register the series, or name one of its versions",
                )
            live = self._aliases.get(key, {}).get(CHAMPION)
            current = versions.get((key, live)) if live else None
            proposals.append(
                self._proposal(
                    key,
                    live,
                    current,
                    target,
                    scored,
                    demand=demand.get(key),
                    champion=champions.get(key),
                    intact=intact[key, version],
                    is_rejected=(key, version) in rejected,
                )
            )
        return proposals

    def _proposal(
        self,
        key: str,
        live: int | None,
        current: ModelVersionsOfRow | None,
        target: ModelVersionsOfRow,
        scored: Mapping[tuple[str, str], MetricsOfRow],
        *,
        demand: float | None,
        champion: ChampionsOfRow | None,
        intact: Gate,
        is_rejected: bool,
    ) -> Proposal:
        to_version = target["version"]
        before = None if current is None else current["candidate"]
        from_wape = gates_of.wape(scored.get((key, str(before))))
        to_wape = gates_of.wape(scored.get((key, target["candidate"])))
        gates = [
            gates_of.better_error(live, from_wape, to_wape),
            gates_of.bias(target, demand, self._limits),
            gates_of.stability(target, self._limits),
            gates_of.expected_error(target, champion, self._limits),
            gates_of.expected_bias(target, champion, demand, self._limits),
            intact,
            gates_of.recent_window(target, self._last_day, self._limits),
            gates_of.quality_checks(self._failed_checks),
        ]
        from_frame = None if current is None else current["feature_frame"]
        to_frame = target["feature_frame"]
        failing = [gate for gate in gates if gate.passed is False and gate.name != "artifact_verified"]
        worse = from_wape is not None and to_wape is not None and to_wape > from_wape
        requested = {
            "override": target["is_override"],
            "worse_wape": worse,
            "feature_frame": from_frame is not None and from_frame != to_frame,
            "rolled_back": is_rejected,
            "gates": any(gate.name != "better_error" or not worse for gate in failing),
        }
        change: Literal["new", "updated", "unchanged"] = (
            "new" if live is None else "unchanged" if live == to_version else "updated"
        )
        return Proposal(
            series=key,
            change=change,
            from_version=live,
            to_version=to_version,
            from_candidate=before,
            to_candidate=target["candidate"],
            from_wape=from_wape,
            to_wape=to_wape,
            from_frame=from_frame,
            to_frame=to_frame,
            is_override=target["is_override"],
            gates=gates,
            needs=[] if change == "unchanged" else [name for name in ACKNOWLEDGEMENTS if requested[name]],
        )


def check_decision(dataset: str, confirm: str, approved_by: str, acknowledged: Sequence[str]) -> None:
    """Raise ``BadSetting`` unless a person typed what a decision takes."""
    check_confirmation(confirm, dataset)
    if not 0 < len(approved_by.strip()) <= _LONGEST_NAME:
        raise BadSetting("nobody approved it", remedy="give approved_by, the name of who takes the decision")
    if unknown := sorted(set(acknowledged) - set(ACKNOWLEDGEMENTS)):
        raise BadSetting(
            f"nothing to acknowledge as {', '.join(unknown)}",
            remedy=f"acknowledge some of {', '.join(ACKNOWLEDGEMENTS)}",
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """A series whose proposal was not carried out, and why."""

    series: str
    sentence: str


def apply(
    stores: Stores, registry: Registry, decision: Decision, proposals: Sequence[Proposal]
) -> list[Moved | Refused]:
    """Carry out what may be; a broken artifact never is, a needed acknowledgement refuses what lacks it."""
    refused: list[Moved | Refused] = []
    moves = []
    for one in proposals:
        missing = [name for name in one.needs if name not in decision.acknowledged]
        if one.change != "unchanged" and not one.is_intact:
            sentence = next(gate.sentence for gate in one.gates if gate.name == "artifact_verified")
            refused.append(Refused(one.series, f"{sentence}: register the series again"))
        elif missing:
            refused.append(Refused(one.series, f"not acknowledged: {', '.join(missing)}"))
        else:
            moves.append(
                Move(
                    series=one.series,
                    expected=one.from_version,
                    target=one.to_version,
                    from_candidate=one.from_candidate,
                    to_candidate=one.to_candidate,
                    from_wape=one.from_wape,
                    to_wape=one.to_wape,
                    is_override=one.is_override,
                    gates={gate.name: asdict(gate) for gate in one.gates},
                )
            )
    return [*refused, *carry_out(stores, registry, decision, moves)]

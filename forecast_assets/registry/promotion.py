"""Which version is live: moving aliases so that no crash and no rival can do harm.

Belongs here: the protocol of promotions and rollbacks, and its append-only record.
Does not belong here: whether a move is a good idea (``proposals``).

The alias ``champion`` is moved last, by one request. Whoever is killed before it leaves the old champion
live; whoever is killed after it leaves a decision that the next caller finds begun and records as applied.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from forecast_assets.errors import UnknownName
from forecast_assets.keys import SeriesKey
from forecast_assets.stores import Stores
from forecast_assets.stores.locks import LockNumber
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.registry import (
    PreviousVersionsRow,
    PromotionStatesRow,
    RolledBackVersionsRow,
)
from forecast_assets.stores.warehouse import Row

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
EXTERNAL = "external"
Action = Literal["promoted", "rolled_back"]
# Held together; few enough that a rival waits for a second, not for minutes.
_BLOCK = 50


@dataclass(frozen=True, slots=True)
class Move:
    """Let version ``target`` be live instead of ``expected``, which is what was decided against."""

    series: str
    expected: int | None
    target: int
    from_candidate: str | None = None
    to_candidate: str | None = None
    from_wape: float | None = None
    to_wape: float | None = None
    is_override: bool = False
    gates: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided what and why, and the Dagster run that carries it out."""

    run_id: str
    action: Action
    approved_by: str
    reason: str | None = None
    acknowledged: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one move, always with a sentence."""

    series: str
    outcome: Literal["applied", "unchanged", "conflict"]
    before: int | None
    after: int | None
    sentence: str


def carry_out(
    stores: Stores, registry: Registry, decision: Decision, moves: Sequence[Move]
) -> Iterator[Moved]:
    """Make each move, or say why not. Twice is the same as once; ``Outage`` leaves every series whole."""
    ordered = sorted(moves, key=lambda move: move.series)
    for start in range(0, len(ordered), _BLOCK):
        block = ordered[start : start + _BLOCK]
        series = [move.series for move in block]
        with stores.warehouse.transaction() as held:
            stores.warehouse.execute("hold_promotions", held, series=series, salt=LockNumber.PROMOTION)
            yield from _Block(stores, registry, decision, series).carried_out(block)


def notice(stores: Stores, registry: Registry, series: Sequence[str]) -> list[Row]:
    """Record aliases that somebody moved in MLflow, and answer one row for each of them."""
    moved: list[Row] = []
    for start in range(0, len(series), _BLOCK):
        block = sorted(series[start : start + _BLOCK])
        with stores.warehouse.transaction() as held:
            stores.warehouse.execute("hold_promotions", held, series=block, salt=LockNumber.PROMOTION)
            moved += _Block(stores, registry, None, block).noticed()
    return moved


def complete_begun(
    stores: Stores, registry: Registry, aliases: Mapping[str, Mapping[str, int]]
) -> Sequence[str]:
    """Record decisions as applied whose alias was moved by a process that ended before saying so.

    ``aliases`` are those of the series to look at, by alias; returns the series that were brought up to date.
    """
    states = stores.warehouse.rows(PromotionStatesRow, series=sorted(aliases))
    lagging = [
        state["series"]
        for state in states
        if state["decision_id"] is not None
        and state["live"] != state["to_version"]
        and aliases[state["series"]].get(CHAMPION) == state["to_version"]
    ]
    notice(stores, registry, lagging)
    return lagging


def previous_versions(stores: Stores, versions: Mapping[str, int]) -> dict[str, int | None]:
    """Return for each series which version was live before this one was made live, where it is on record."""
    rows = stores.warehouse.rows(PreviousVersionsRow, series=list(versions), versions=list(versions.values()))
    return {row["series"]: row["previous"] for row in rows}


def rolled_back(stores: Stores, series: Sequence[str]) -> dict[tuple[str, int], RolledBackVersionsRow]:
    """Versions that were rolled back and not made live again since, with the decision."""
    rows = stores.warehouse.rows(RolledBackVersionsRow, series=list(series))
    return {(row["series"], row["version"]): row for row in rows}


def why_not_offered(decision: RolledBackVersionsRow) -> str:
    """Say by which rollback a version is out of the running, and how it comes back."""
    series, version = decision["series"], decision["version"]
    return (
        f"it was rolled back on {decision['written_at']:%Y-%m-%d} by {decision['approved_by']} and is not "
        f"offered again: `forecast-assets rollback {SeriesKey.parse(series).dataset} --series {series} "
        f"--to {version}` makes it live"
    )


class _Block:
    """Some series about which nobody else decides meanwhile."""

    def __init__(
        self, stores: Stores, registry: Registry, decision: Decision | None, series: list[str]
    ) -> None:
        self._stores, self._registry, self._decision = stores, registry, decision
        self._series = series
        self._aliases = registry.aliases(series)
        self._states = {
            row["series"]: row for row in stores.warehouse.rows(PromotionStatesRow, series=series)
        }

    def _live(self, series: str) -> int | None:
        return self._aliases.get(series, {}).get(CHAMPION)

    def noticed(self) -> list[Row]:
        """Bring the record up to what the aliases say."""
        completed: list[str] = []
        external: list[Row] = []
        for series in self._series:
            state, live = self._states.get(series), self._live(series)
            recorded = None if state is None else state["live"]
            if live == recorded:
                continue
            if state is not None and state["decision_id"] is not None and live == state["to_version"]:
                completed.append(state["decision_id"])
            else:
                external.append(_external(series, recorded, live))
        self._complete(completed)
        if external:
            self._append(external)
        return external

    def carried_out(self, moves: Sequence[Move]) -> Iterator[Moved]:
        """Make the moves of this block; the record is complete when the last one is answered."""
        if self._decision is None:
            raise ValueError("nothing was decided")
        self.noticed()
        todo: list[Move] = []
        for move in moves:
            live = self._live(move.series)
            if live == move.target:
                sentence = f"version {live} is live already"
                yield Moved(move.series, "unchanged", live, live, sentence)
            elif live != move.expected:
                sentence = (
                    f"version {live or 'none'} is live, and the decision was taken against "
                    f"{move.expected or 'none'}: somebody else moved it first"
                )
                yield Moved(move.series, "conflict", live, live, sentence)
            else:
                todo.append(move)
        begun = self._begin(todo, self._decision)
        previous = self._previous(todo, self._decision)
        done: list[str] = []
        moved: list[Moved] = []
        try:
            for move in todo:
                try:
                    self._switch(move, previous[move.series])
                except UnknownName as gone:
                    live = move.expected
                    moved.append(Moved(move.series, "conflict", live, live, f"{gone.problem}; {gone.remedy}"))
                    continue
                done.append(begun[move.series])
                sentence = f"version {move.target} is live instead of {move.expected or 'none'}"
                moved.append(Moved(move.series, "applied", move.expected, move.target, sentence))
        finally:
            self._complete(done)
        yield from moved

    def _begin(self, moves: Sequence[Move], decision: Decision) -> dict[str, str]:
        """Record what is about to happen; a decision that was begun before is continued."""
        ids = {move.series: self._begun(move, decision) for move in moves}
        new = [_intended(move, decision) for move in moves if ids[move.series] is None]
        self._append(new)
        fresh = {row["series"]: str(row["decision_id"]) for row in new}
        return {series: decision_id or fresh[series] for series, decision_id in ids.items()}

    def _begun(self, move: Move, decision: Decision) -> str | None:
        if (state := self._states.get(move.series)) is None:
            return None
        same = (decision.action, move.expected, move.target, decision.approved_by)
        begun = (state["action"], state["from_version"], state["to_version"], state["approved_by"])
        return state["decision_id"] if begun == same else None

    def _previous(self, moves: Sequence[Move], decision: Decision) -> dict[str, int | None]:
        """What a rollback would go back to next: never to a version that was rolled back from."""
        if decision.action == "promoted":
            return {move.series: move.expected for move in moves}
        before = previous_versions(self._stores, {move.series: move.target for move in moves})
        return {move.series: before.get(move.series) for move in moves}

    def _switch(self, move: Move, previous: int | None) -> None:
        if previous is not None:
            with suppress(UnknownName):  # nothing to go back to: it was deleted in MLflow
                self._registry.move_alias(move.series, PREVIOUS, previous)
        elif PREVIOUS in self._aliases.get(move.series, {}):
            self._registry.drop_alias(move.series, PREVIOUS)
        self._registry.move_alias(move.series, CHAMPION, move.target)
        if self._aliases.get(move.series, {}).get(CHALLENGER) == move.target:
            self._registry.drop_alias(move.series, CHALLENGER)

    def _append(self, rows: Sequence[Row]) -> None:
        if rows:
            self._stores.warehouse.execute("append_promotions", rows=json.dumps(rows))

    def _complete(self, decisions: Sequence[str]) -> None:
        if decisions:
            self._stores.warehouse.execute("complete_promotions", decisions=list(decisions))


def _intended(move: Move, decision: Decision) -> Row:
    return {
        "decision_id": uuid4().hex,
        "run_id": decision.run_id,
        "dataset": SeriesKey.parse(move.series).dataset,
        "series": move.series,
        "action": decision.action,
        "state": "intended",
        "from_version": move.expected,
        "to_version": move.target,
        "from_candidate": move.from_candidate,
        "to_candidate": move.to_candidate,
        "from_wape": move.from_wape,
        "to_wape": move.to_wape,
        "is_override": move.is_override,
        "acknowledged": list(decision.acknowledged),
        "gates": dict(move.gates or {}),
        "approved_by": decision.approved_by,
        "reason": decision.reason,
    }


def _external(series: str, before: object, after: int | None) -> Row:
    return {
        "decision_id": uuid4().hex,
        "run_id": None,
        "dataset": SeriesKey.parse(series).dataset,
        "series": series,
        "action": EXTERNAL,
        "state": "applied",
        "from_version": before,
        "to_version": after,
        "from_candidate": None,
        "to_candidate": None,
        "from_wape": None,
        "to_wape": None,
        "is_override": False,
        "acknowledged": [],
        "gates": {},
        "approved_by": None,
        "reason": "the alias was moved in MLflow, outside of any decision recorded here",
    }

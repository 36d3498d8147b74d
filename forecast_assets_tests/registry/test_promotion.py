"""The alias ``champion`` moves once or not at all, and the record says who did it."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import sqlalchemy as sa

from forecast_assets.registry.promotion import Decision, Move, _Block, carry_out, complete_begun, notice
from forecast_assets.stores.model_versions import NewVersion
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.rows.registry import AuditRow

ANN, BOB = Decision("run-a", "promoted", "ann"), Decision("run-b", "promoted", "bob")


@pytest.fixture(scope="module")
def registry(registered_place):
    assert registered_place.stores
    return open_registry()


@pytest.fixture
def promote(registered_place, registry):
    def promoted(decision, *moves):
        return list(carry_out(registered_place.stores, registry, decision, moves))

    return promoted


@pytest.fixture
def record(registered_place):
    def recorded(series):
        return registered_place.stores.warehouse.rows(AuditRow, dataset="shop", series=[series])

    return recorded


@pytest.fixture
def series(registry):
    """A series of one's own with three versions."""
    key = f"shop__S__{uuid4().hex[:8]}"
    for recipe in "123":
        registry.add_versions([NewVersion(key, recipe, "0" * 32, "bundle", {}, {})])
    return key


def test_a_promotion_moves_the_alias_keeps_the_old_one_and_is_recorded(promote, registry, record, series):
    registry.move_alias(series, "challenger", 1)
    (first,) = promote(ANN, Move(series, None, 1, to_candidate="ets", to_wape=20.0))
    assert (first.outcome, registry.aliases([series])[series]) == ("applied", {"champion": 1})
    (second,) = promote(BOB, Move(series, 1, 2, "ets", "naive", 20.0, 19.0, gates={"error": "passed"}))
    assert (second.outcome, registry.aliases([series])[series]) == ("applied", {"champion": 2, "previous": 1})
    assert [
        (row["from_version"], row["to_version"], row["approved_by"], row["state"]) for row in record(series)
    ] == [
        (None, 1, "ann", "applied"),
        (1, 2, "bob", "applied"),
    ]
    assert record(series)[1]["gates"] == {"error": "passed"}


def test_the_same_promotion_again_changes_nothing(promote, record, series):
    promote(ANN, Move(series, None, 1))
    (again,) = promote(ANN, Move(series, None, 1))
    assert again.outcome == "unchanged"
    assert len(record(series)) == 1


def test_a_decision_against_another_champion_is_refused_with_both_versions(promote, registry, record, series):
    promote(ANN, Move(series, None, 1))
    (late,) = promote(BOB, Move(series, None, 2))
    assert late.outcome == "conflict"
    assert "version 1 is live" in late.sentence
    assert registry.aliases([series])[series] == {"champion": 1}
    assert len(record(series)) == 1


def test_of_two_promotions_at_once_one_wins_and_the_other_says_so(promote, registry, record, series):
    promote(ANN, Move(series, None, 1))
    with ThreadPoolExecutor(2) as both:
        moved = list(both.map(lambda n: promote((ANN, BOB)[n - 2], Move(series, 1, n))[0], (2, 3)))
    assert sorted(one.outcome for one in moved) == ["applied", "conflict"]
    (winner,) = [one for one in moved if one.outcome == "applied"]
    assert registry.aliases([series])[series] == {"champion": winner.after, "previous": 1}
    assert len(record(series)) == 2


def test_an_alias_moved_by_hand_is_recorded_as_external_once(
    registered_place, registry, promote, record, series
):
    promote(ANN, Move(series, None, 1))
    registry.move_alias(series, "champion", 3)
    assert len(notice(registered_place.stores, registry, [series])) == 1
    assert notice(registered_place.stores, registry, [series]) == []
    row = record(series)[-1]
    assert (row["action"], row["from_version"], row["to_version"], row["approved_by"]) == (
        "external",
        1,
        3,
        None,
    )
    registry.drop_alias(series, "champion")
    (gone,) = notice(registered_place.stores, registry, [series])
    assert (gone["from_version"], gone["to_version"]) == (3, None)


def test_a_promotion_over_an_unnoticed_hand_move_records_both(registry, promote, record, series):
    promote(ANN, Move(series, None, 1))
    registry.move_alias(series, "champion", 3)
    (moved,) = promote(BOB, Move(series, 3, 2))
    assert moved.outcome == "applied"
    assert [row["action"] for row in record(series)] == ["promoted", "external", "promoted"]


def test_the_record_cannot_be_changed(registered_place, promote, series):
    promote(ANN, Move(series, None, 1))
    for statement in (
        "update promotion set approved_by = 'eve'",
        "delete from promotion",
        "truncate promotion",
    ):
        with (
            pytest.raises(sa.exc.DBAPIError, match="append-only"),
            registered_place.stores.warehouse.transaction() as c,
        ):
            c.exec_driver_sql(statement)


@pytest.mark.usefixtures("registered_place")
def test_killed_at_any_line_that_writes_the_old_champion_stays_and_a_second_call_completes():
    done = subprocess.run(
        [sys.executable, "-m", "forecast_assets_tests.registry.killing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    *killed, whole = reports
    assert len(killed) > 10
    assert not whole["killed"]
    assert all(report["killed"] for report in killed)
    assert {report["seen"]["champion"] for report in killed} == {1, 2}, "kills before and after the switch"
    for report in reports:
        before = report["seen"]["champion"] == 1
        assert report["again"] == ("applied" if before else "unchanged"), report
        assert report["third"] == "unchanged"
        assert report["aliases"]["champion"] == 2
        assert report["aliases"]["previous"] == 1
        assert report["record"] == ["applied", "applied"], report


def test_a_decision_whose_process_ended_before_saying_so_is_completed_without_its_challenger(
    registered_place, registry, record, series, monkeypatch
):
    registry.move_alias(series, "challenger", 1)
    with monkeypatch.context() as patch:
        patch.setattr(_Block, "_complete", lambda *_: None)
        list(carry_out(registered_place.stores, registry, ANN, [Move(series, None, 1)]))
    aliases = registry.aliases([series])
    assert aliases[series] == {"champion": 1}, "nothing is left that could be proposed"
    assert record(series)[-1]["state"] != "applied"
    assert complete_begun(registered_place.stores, registry, aliases) == [series]
    assert [(row["state"], row["approved_by"]) for row in record(series)] == [("applied", "ann")]
    assert complete_begun(registered_place.stores, registry, aliases) == []

"""Versions that were superseded long ago go with their files; what is live, waits or is recent stays."""

import datetime as dt

import pytest

from forecast_assets.errors import UnknownName
from forecast_assets.registry.override import Override
from forecast_assets.registry.promotion import Decision, Move, carry_out
from forecast_assets.registry.registration import register
from forecast_assets.registry.verification import verified
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.retention import Policy, retain
from forecast_assets_tests.scenario import QUICK, many

SERIES = [f"many__S0__P{n:03d}" for n in range(2)]
LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=365)


@pytest.fixture(scope="module")
def place(registered_place):
    registered_place.prepare("many", many(8), evaluation=QUICK)
    assert registered_place.evaluate(SERIES[0], SERIES[1]).success
    return registered_place


def trimmed(place, *, apply: bool, now: dt.datetime = LATER) -> int:
    parts = retain(place.stores, place.instance.delete_run, open_registry, Policy(), apply=apply, now=now)
    return next(part.count for part in parts if part.what == "model versions")


def register_versions(place, reason: str, series: list[str]) -> list[dict]:
    """A version of each series, in one bundle."""
    winners = {row["champion"] for row in place.table("champion")}
    loser = next(name for name in QUICK.candidates if name not in winners)
    override = Override(loser, reason) if reason else None
    done = list(register(place.stores, open_registry(), series, run_id=f"run {reason}", override=override))
    return [dict(one.row) for one in done if one.row is not None]


def numbers(place, series: str) -> list[int]:
    return sorted(row["version"] for row in place.table("model_version") if row["series"] == series)


def test_only_versions_that_nobody_can_need_go_and_a_bundle_with_the_last_of_its_versions(place):
    registry = open_registry()
    live, waiting = SERIES
    first = register_versions(place, "", SERIES)
    second = register_versions(place, "one", SERIES)
    register_versions(place, "two", SERIES)
    register_versions(place, "three", [waiting])
    (done,) = carry_out(
        place.stores, registry, Decision("r", "promoted", "ann"), [Move(live, expected=None, target=1)]
    )
    assert done.outcome == "applied"

    assert trimmed(place, apply=True, now=dt.datetime.now(dt.UTC)) == 0, "nothing is old today"
    # Of the live series: 1 is live, 3 is the newest. Of the other one: 4 is the newest and waits.
    assert trimmed(place, apply=False) == 4
    assert (numbers(place, live), numbers(place, waiting)) == ([1, 2, 3], [1, 2, 3, 4])
    assert trimmed(place, apply=True) == 4
    assert (numbers(place, live), numbers(place, waiting)) == ([1, 3], [4])
    assert [version.number for version in registry.versions(waiting)] == [4]

    kept = next(row for row in first if row["series"] == live)
    assert verified(registry, [kept])[live, 1].passed, (
        "the live series shares its bundle with a dropped version"
    )
    gone = second[0]
    with (
        pytest.raises(UnknownName, match="MLflow has no files"),
        registry.files(gone["mlflow_run"], gone["path"]),
    ):
        pass
    assert trimmed(place, apply=True) == 0
    assert registry.aliases(SERIES)[live]["champion"] == 1


def test_a_version_that_mlflow_has_lost_already_is_forgotten(place):
    registry = open_registry()
    register_versions(place, "four", [SERIES[1]])
    registry.drop_version(SERIES[1], 4)
    assert trimmed(place, apply=True) == 1
    assert numbers(place, SERIES[1]) == [5]

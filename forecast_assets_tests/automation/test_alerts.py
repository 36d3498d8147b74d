"""One message for each incident, a digest a day, and an outbox that outlives its messenger."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from forecast_assets.automation.alerts import deliver
from forecast_assets.automation.incidents import Recorded, Sighting, record, resolve
from forecast_assets.settings import settings
from forecast_assets.stores import Stores
from forecast_assets_tests.scenario import Place

NOON = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


@dataclass
class Postman:
    """Takes messages, unless it is away."""

    away: str | None = None
    taken: list[tuple[str, str]] = field(default_factory=list)

    def send(self, subject: str, body: str) -> str | None:
        if self.away is None:
            self.taken.append((subject, body))
        return self.away


def sighting(event: str, key: str = "run:evaluate:shop", at: dt.datetime = NOON, **changed: Any) -> Sighting:
    template = Sighting(
        event=event,
        key=key,
        kind="failed run",
        severity="error",
        what=f"evaluate of shop failed in {event}",
        next_step="open the run",
        link=f"/runs/{event}",
        at=at,
    )
    return replace(template, **changed)


@pytest.fixture(scope="module")
def place(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("alerts")) as opened:
        yield opened


@pytest.fixture
def stores(place: Place) -> Stores:
    """A warehouse in which nothing is wrong yet."""
    with place.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql("truncate incident, incident_sighting, alert")
    return place.stores


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def talk(stores, postman):
    def at(now: dt.datetime, **others: Postman):
        return deliver(stores, {"webhook": postman, **others}, settings(), now)

    return at


def test_an_incident_is_told_once_with_next_step_and_link(stores, postman, talk):
    assert record(stores, [sighting("r1")]) == Recorded(1, 1)
    counts = talk(NOON)
    assert (counts.queued, counts.sent, counts.failed) == (1, 1, ())
    assert postman.taken == [
        (
            "evaluate of shop failed in r1",
            "evaluate of shop failed in r1\n-> open the run\nhttp://127.0.0.1:3000/runs/r1",
        )
    ]
    assert talk(NOON + HOUR).queued == 0
    assert len(postman.taken) == 1


def test_the_same_event_counts_once_and_another_one_about_the_same_thing_is_no_new_message(
    stores, postman, talk, place
):
    assert record(stores, [sighting("r1"), sighting("r1")]) == Recorded(1, 1)
    talk(NOON)
    assert record(stores, [sighting("r1")]) == Recorded(0, 0)
    assert record(stores, [sighting("r2", at=NOON + HOUR)]) == Recorded(1, 0)
    talk(NOON + HOUR)
    assert len(postman.taken) == 1
    (row,) = place.table("incident")
    assert (row["times"], row["what"]) == (2, "evaluate of shop failed in r2")


def test_whoever_fails_differently_is_told_again(stores, postman, talk):
    for hour, what in enumerate(("the file is gone", "no space left", "3 rows are bad", "4 rows are bad")):
        record(stores, [sighting(f"r{hour}", at=NOON + hour * HOUR, what=what)])
        talk(NOON + hour * HOUR)
    subjects = [subject for subject, _ in postman.taken]
    assert subjects == ["the file is gone", "no space left", "3 rows are bad"], (
        "another number is no other fault"
    )


def test_what_recovered_and_breaks_again_is_another_incident(stores, postman, talk):
    record(stores, [sighting("r1")])
    talk(NOON)
    assert resolve(stores, {"run:evaluate:shop": NOON - HOUR, "run:other:shop": NOON + HOUR}) == 0
    assert resolve(stores, {"run:evaluate:shop": NOON + HOUR}) == 1
    record(stores, [sighting("r2", at=NOON + 2 * HOUR)])
    talk(NOON + 2 * HOUR)
    assert [subject for subject, _ in postman.taken] == [
        "evaluate of shop failed in r1",
        "evaluate of shop failed in r2",
    ]


def test_a_clock_that_jumps_back_repeats_no_message_and_holds_no_new_one_back(stores, postman, talk):
    record(stores, [sighting("r1")])
    talk(NOON)
    earlier = NOON - HOUR
    record(stores, [sighting("r1", at=earlier)])
    talk(earlier)
    assert len(postman.taken) == 1
    record(stores, [sighting("r2", key="run:evaluate:other", at=earlier)])
    talk(earlier)
    assert len(postman.taken) == 2
    assert "r2" in postman.taken[1][1]


def test_a_storm_is_one_message(stores, postman, talk):
    record(stores, [sighting(f"r{n}", key=f"run:job{n}") for n in range(200)])
    talk(NOON)
    ((subject, body),) = postman.taken
    assert subject == "200 incidents: 200 failed run"
    assert body.count("-> open the run") == 10
    assert "... and 190 more" in body


def test_warnings_wait_for_the_digest_which_comes_once_a_day(stores, postman, talk, monkeypatch):
    monkeypatch.setenv("FORECAST_TIME_ZONE", "Asia/Tokyo")  # seven o'clock there is 22:00 the day before
    record(stores, [sighting("w1", key="drift:shop", severity="warning", what="12 series of shop degrade")])
    record(stores, [sighting("r1", key="run:x", at=NOON - HOUR)])
    resolve(stores, {"run:x": NOON})
    assert talk(NOON + 9 * HOUR).queued == 0
    assert talk(NOON + 10 * HOUR).queued == 1
    assert talk(NOON + 11 * HOUR).queued == 0
    ((subject, body),) = postman.taken
    assert subject == "Daily digest: 1 warning, 1 error"
    assert "12 series of shop degrade\n-> open the run" in body
    assert "evaluate of shop failed in r1 - has recovered" in body


def test_open_errors_are_mentioned_every_day_until_they_are_over(stores, postman, talk):
    record(stores, [sighting("r1")])
    for day in range(3):
        talk(NOON + day * DAY)
    resolve(stores, {"run:evaluate:shop": NOON + 2 * DAY + HOUR})
    talk(NOON + 3 * DAY)
    assert [subject for subject, _ in postman.taken] == [
        "evaluate of shop failed in r1",
        "Daily digest: 0 warnings, 1 error",
        "Daily digest: 0 warnings, 1 error",
    ]


def test_a_messenger_that_is_away_gets_every_message_when_it_is_back_and_costs_the_others_nothing(
    stores, postman, talk
):
    dead = Postman(away="it answered 503")
    record(stores, [sighting("r1")])
    counts = talk(NOON, email=dead)
    assert (counts.queued, counts.sent, counts.waiting) == (2, 1, 1)
    assert counts.failed == ("email: it answered 503",)
    tries = [talk(NOON + n * MINUTE, email=dead).failed for n in range(1, 8)]
    assert [bool(failed) for failed in tries] == [True, False, True, False, False, False, True]
    back = Postman()
    talk(NOON + HOUR, email=back)
    assert len(back.taken) == len(postman.taken) == 1
    assert talk(NOON + HOUR, email=back).waiting == 0


def test_a_message_that_nobody_takes_for_a_day_is_given_up(stores, talk):
    record(stores, [sighting("r1")])
    dead = Postman(away="it answered 503")
    talk(NOON, email=dead)
    assert talk(NOON + 25 * HOUR, email=Postman()).waiting == 0


def test_a_channel_that_is_no_longer_set_up_is_said_to_be_so(stores, talk):
    record(stores, [sighting("r1")])
    talk(NOON, email=Postman(away="it answered 503"))
    assert talk(NOON + HOUR).failed == ("email: it is no longer set up",)


def test_secrets_and_control_characters_stay_out_of_every_text(stores, postman, talk, monkeypatch):
    monkeypatch.setenv("FORECAST_ALERT_WEBHOOK", "https://hooks.shop.test/canary-1")
    what = (
        "no answer from postgresql://me:canary-2@db/x\nBcc: you\u202e or https://hooks.shop.test/canary-1"
        + "x" * 999
    )
    record(stores, [sighting("r1", what=what)])
    talk(NOON)
    ((subject, body),) = postman.taken
    assert "canary" not in subject + body
    assert subject.startswith("no answer from postgresql://me:***@db/x Bcc: you  or ***x")
    assert len(subject) == 300


def test_nothing_to_tell_is_said_with_numbers(talk):
    assert str(talk(NOON)) == "0 messages written, 0 sent, 0 wait for another try"

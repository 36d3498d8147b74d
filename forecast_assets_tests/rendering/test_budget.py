"""Pictures take no more than their share of a run."""

import pytest

from forecast_assets.rendering.budget import ALWAYS, SHARE, Budget


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on only when it is told to."""
    now = [0.0]
    monkeypatch.setattr("forecast_assets.rendering.budget.time.monotonic", lambda: now[0])
    return now


def test_a_handful_of_pictures_is_always_drawn(clock):
    budget = Budget()
    for _ in range(ALWAYS):
        assert budget.has_room()
        with budget.spending():
            clock[0] += 60
    assert not budget.has_room()


@pytest.mark.parametrize(("work", "picture"), [(1.0, 0.1), (0.1, 1.0), (0.3, 0.3)])
def test_many_pictures_take_no_more_than_their_share(clock, work, picture):
    budget, drawn = Budget(), 0
    for _ in range(200):
        clock[0] += work
        if budget.has_room():
            with budget.spending():
                clock[0] += picture
            drawn += 1
    assert drawn * picture <= max(ALWAYS * picture, SHARE * 200 * work + picture)

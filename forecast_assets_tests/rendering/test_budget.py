"""Pictures take no more than their share of a run."""

import pytest

from forecast_assets.rendering.budget import ALWAYS, SHARE, Budget


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on only when it is told to."""
    now = [0.0]
    monkeypatch.setattr("forecast_assets.rendering.budget.time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(("series", "drawn"), [(ALWAYS, ALWAYS), (ALWAYS + 1, 1)])
def test_a_run_of_a_handful_of_series_draws_all_of_them(clock, series, drawn):
    budget, pictures = Budget(series), 0
    for _ in range(series):
        if budget.has_room():
            with budget.spending():
                clock[0] += 60
            pictures += 1
    assert pictures == drawn


@pytest.mark.parametrize(("work", "picture"), [(1.0, 0.1), (0.1, 1.0), (0.3, 0.3)])
def test_many_pictures_take_no_more_than_their_share(clock, work, picture):
    budget, drawn = Budget(200), 0
    for _ in range(200):
        clock[0] += work
        if budget.has_room():
            with budget.spending():
                clock[0] += picture
            drawn += 1
    assert drawn * picture <= SHARE * 200 * work + picture

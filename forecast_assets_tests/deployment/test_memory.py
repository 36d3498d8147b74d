"""A week of looks in one process, as fast as they go."""

import gc

import psutil
import pytest

from forecast_assets_tests.chaos import children
from forecast_assets_tests.chaos.operations import look_once

pytestmark = pytest.mark.deployment
# Caches of SQLAlchemy keep 128 engines; a look opens several, and later ones drop those before.
WARM, COUNTED, COLLECTED_EVERY = 350, 350, 50
SECONDS_BETWEEN_LOOKS = 30
A_WEEK = 7 * 24 * 3600 // SECONDS_BETWEEN_LOOKS
MOST_BYTES = 256 * 2**20


def test_a_week_of_all_sensors_takes_a_bounded_amount_of_memory(template):
    def resident() -> int:
        gc.collect()
        return psutil.Process().memory_info().rss

    def after(looks: int) -> int:
        for look in range(1, looks + 1):
            look_once()
            # What waits to be collected is no leak, and how much waits differs from look to look.
            if look % COLLECTED_EVERY == 0:
                gc.collect()
        return resident()

    def looks() -> int:
        before = after(WARM)
        return after(COUNTED) - before

    with template.world():
        code, answer = children.Child(looks).result(patience=1800)
    assert code == 0, answer
    assert int(answer) / COUNTED * A_WEEK < MOST_BYTES, f"{int(answer):,} bytes over {COUNTED} looks"

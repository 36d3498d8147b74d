"""Whatever strikes at whichever write: what was stored stays, and doing it again completes it."""

import os
import subprocess
import sys

from forecast_assets_tests.chaos.machine import drawn


def test_seeds_keep_every_invariant():
    """Each takes seconds, so that these are few; ``make chaos`` tries hundreds."""
    seeds = [os.environ.get("CHAOS_FIRST", "1"), os.environ.get("CHAOS_SEEDS", "8")]
    done = subprocess.run(
        [sys.executable, "-m", "forecast_assets_tests.chaos.machine", *seeds],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_a_seed_draws_the_same_steps_again_and_another_one_others():
    assert drawn(7) == drawn(7) != drawn(8)

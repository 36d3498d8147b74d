"""Whatever strikes at whichever write: what was stored stays, and doing it again completes it."""

import os
import subprocess
import sys


def test_seeds_keep_every_invariant(postgres_url, migrated, migrated_mlflow, tmp_path):
    first = os.environ.get("CHAOS_FIRST", "1")
    count = os.environ.get("CHAOS_SEEDS", "1")
    server = postgres_url.render_as_string(hide_password=False)
    words = [server, migrated, migrated_mlflow, str(tmp_path / "home"), first, count]
    done = subprocess.run(
        [sys.executable, "-m", "forecast_assets_tests.chaos.machine", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]

"""Keeps the embedded PostgreSQL of a home running until its standard input ends.

The server stops with its last user, and its processor time would be lost with it.
"""

import json
import os
import sys
from pathlib import Path

import psutil

from forecast_assets.stores.database import database_url
from scaling.meters import own_cpu, postgres_cpu


def main() -> None:
    """Start or join the server, say where it is and what that took, and wait."""
    url = database_url().render_as_string(hide_password=False)
    file = Path(os.environ["FORECAST_HOME"]) / "postgres" / "postmaster.pid"
    postmaster = int(file.read_text(encoding="utf-8").split("\n", 1)[0])
    report = {
        "url": url,
        "postmaster": postmaster,
        "python_cpu_s": own_cpu(),
        "postgres_cpu_s": postgres_cpu(psutil.Process(postmaster)),
    }
    print(json.dumps(report), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

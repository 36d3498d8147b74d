"""Keeps the embedded PostgreSQL of a home running until its standard input ends.

The server stops with its last user, and its processor time would be lost with it. With the argument ``waits``
another process makes and starts the server.
"""

import json
import os
import sys
from pathlib import Path

from forecast_assets.stores import embedded
from forecast_assets.stores.database import database_url


def main() -> None:
    """Become a user of the server, started unless others do it, say where it is, and wait."""
    waits = sys.argv[1:] == ["waits"]
    url = embedded.address(embedded.enter(Path(os.environ["FORECAST_HOME"]))) if waits else database_url()
    print(json.dumps({"url": url.render_as_string(hide_password=False)}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

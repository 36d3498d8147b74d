"""Where pages are served on this machine.

Belongs here: taking a port, and remembering the address for links.
Does not belong here: which address is used when somebody set one (``settings``).
"""

import errno
import socket
from pathlib import Path

from forecast_assets.errors import BadSetting


def take_port(host: str, port: int) -> socket.socket:
    """Listen on a port. Raises ``BadSetting`` when somebody else does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"port {port} of {host} is in use"
        else:
            problem = f"port {port} of {host} cannot be used: {error.strerror}"
        raise BadSetting(
            problem, remedy=f"stop what listens there, or choose another: --port {port + 1}"
        ) from None


def remember_address(home: Path, pages: str, address: str) -> None:
    """Keep where ``pages`` (``dagit`` or ``mlflow``) are served, for the links that other processes write."""
    home.mkdir(parents=True, exist_ok=True)
    (home / f"{pages}.url").write_text(address + "\n", encoding="utf-8")

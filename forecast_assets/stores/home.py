"""The folder of the embedded database and the lake, closed to everybody else.

Belongs here: making it private, and who may use it.
Does not belong here: what lies in it (``embedded``, ``lake``).
"""

import os
import pwd
from contextlib import suppress
from pathlib import Path

from forecast_assets.errors import BadSetting
from forecast_assets.settings import HOME_NAME

_PRIVATE = 0o700
_OTHERS = 0o077


def private_home(home: Path) -> Path:
    """Make ``home`` and its lake, closed to other accounts; return its real path.

    Nothing above it is changed, nor is the mode of a folder that somebody made for more than this.
    Raises ``BadSetting`` when root would leave files in it that its owner could not write, and ``OSError``
    when it cannot be used.
    """
    is_new = not home.exists()
    home.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    home = home.resolve()
    owner = home.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        name = _name_of(owner)
        raise BadSetting(
            f"{home} belongs to {name}, and root would leave files in it that {name} cannot write",
            remedy=f"run the command as {name}, or let FORECAST_HOME name a folder of root's own",
        )
    lake = home / "lake"
    lake.mkdir(mode=_PRIVATE, exist_ok=True)
    for folder in [lake, *([home] if is_new or home.name == HOME_NAME else [])]:
        status = folder.stat()
        if status.st_uid == os.geteuid() and status.st_mode & _OTHERS:
            folder.chmod(_PRIVATE)
    return home


def _name_of(owner: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(owner).pw_name
    return f"user {owner}"

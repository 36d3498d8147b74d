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
        name = name_of(owner)
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


def others_may_write(folder: Path) -> bool:
    """Whether accounts that do not own ``folder`` may add, rename and replace what lies in it."""
    return bool(folder.stat().st_mode & 0o022)


def stranger_of(folder: Path, account: str) -> str | None:
    """Who may have put ``folder`` where others may write, if it is not ours: root's may be of ``account``."""
    if not folder.exists() or not others_may_write(folder.parent):
        return None
    owner = name_of(folder.stat().st_uid)
    return None if owner in {name_of(os.geteuid()), *([account] if os.geteuid() == 0 else [])} else owner


def name_of(owner: int) -> str:
    """The name of the account number ``owner``."""
    with suppress(KeyError):
        return pwd.getpwuid(owner).pw_name
    return f"user {owner}"

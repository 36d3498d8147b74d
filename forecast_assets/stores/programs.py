"""PostgreSQL's programs where the account that runs them may enter.

Belongs here: a copy, made by root alone, of an installation that lies below a closed folder.
Does not belong here: running the programs (``cluster``).
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

_COPIES = Path("/var/lib/forecast-assets")


def enterable(package: Path) -> Path:
    """Return the folder ``package`` of programs, or for root a copy of it where a closed folder bars the way.

    Nothing above the installation is opened. The copy lies below folders that only root can write.
    """
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in package.parents):
        return package
    version = f"{package}|{package.stat().st_mtime_ns}".encode()
    copied = _COPIES / hashlib.blake2b(version, digest_size=8).hexdigest()
    if not copied.is_dir():
        _COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        _COPIES.chmod(0o755)
        copy = Path(tempfile.mkdtemp(dir=_COPIES))
        copy.chmod(0o755)
        shutil.copytree(package, copy / package.name, symlinks=True)
        for beside in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(beside, copy / beside.name, symlinks=True)
        try:
            copy.rename(copied)
        except OSError:  # another process was first
            shutil.rmtree(copy)
    return copied / package.name

"""Which Dagster instance a command works on.

Belongs here: finding or making DAGSTER_HOME, so that every command works from any directory.
Does not belong here: what the instance stores.
"""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from forecast_assets.cli.garbage import without_garbage_search
from forecast_assets.cli.refusals import SAY
from forecast_assets.errors import BadSetting
from forecast_assets.settings import HOME_NAME
from forecast_assets.stores.home import name_of

if TYPE_CHECKING:
    import dagster as dg

_PACKAGED = (Path(__file__).parents[2] / "dagster.yaml", Path(__file__).parents[1] / "dagster.yaml")
_TRUSTED = {0}  # root may change everything anyway


def locate_home() -> Path | None:
    """Return DAGSTER_HOME, else the nearest folder upwards with dagster.yaml, which becomes it.

    Makes nothing, so that every command looks into the same home before it knows what it does there.
    Raises ``BadSetting`` when that file is of another account.
    """
    configured = os.environ.get("DAGSTER_HOME")
    if configured:
        return Path(configured)
    here = Path.cwd()
    project = next((folder for folder in (here, *here.parents) if (folder / "dagster.yaml").is_file()), None)
    if project is not None:
        _refuse_strangers(project)
        os.environ["DAGSTER_HOME"] = str(project)
    return project


def find_home() -> Path:
    """Return ``locate_home``; else ``.forecast`` here, made when it is not there yet."""
    located = locate_home()
    if located is not None:
        return located
    project = Path.cwd() / HOME_NAME
    if (project / "dagster.yaml").is_file():
        _refuse_strangers(project)
    else:
        _prepare(project)
    os.environ["DAGSTER_HOME"] = str(project)
    return project


def _refuse_strangers(project: Path) -> None:
    """Refuse settings that nobody named and another account wrote: they say which code is loaded."""
    owner = (project / "dagster.yaml").stat().st_uid
    if owner not in {*_TRUSTED, os.geteuid()}:
        raise BadSetting(
            f"{project / 'dagster.yaml'} belongs to {name_of(owner)}",
            remedy=f"work in a folder of your own, or if you trust it, set DAGSTER_HOME={project}",
        )


def _prepare(project: Path) -> None:
    """Put Dagster's settings into a new home, whole at once: a second command never reads half of them."""
    project.mkdir(mode=0o700, exist_ok=True)
    source = next(path for path in _PACKAGED if path.is_file())
    with NamedTemporaryFile(dir=project, delete=False) as part:
        part.write(source.read_bytes())
    Path(part.name).replace(project / "dagster.yaml")
    SAY.print(f"a new home for data and results: {project}", markup=False)


def open_instance() -> "dg.DagsterInstance":
    """The Dagster instance of ``find_home``, closed to others where it keeps what runs print."""
    home = find_home()
    with suppress(OSError):  # it is there, or Dagster says what is wrong with the home
        (home / "storage").mkdir(mode=0o700)
    with without_garbage_search():
        import dagster as dg  # a second, which a listing does not need

        return dg.DagsterInstance.get()

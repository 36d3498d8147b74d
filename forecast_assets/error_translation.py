"""Faults in a planner's words: what happened, what to do now, and the original beneath.

Belongs here: turning errors of libraries, networks and machines into the family of ``errors``.
Does not belong here: how a run fails (``failures``) and how an error is shown.
"""

import sqlalchemy as sa

from forecast_assets.errors import BadSetting, ForecastError, Outage


class InternalError(ForecastError):
    """Something that should not have happened: a fault of the program, not of the data."""


def to_forecast_error(error: BaseException) -> ForecastError:
    """Return an error that says problem and remedy; its cause is the original. Expected errors stay."""
    if isinstance(error, ForecastError):
        return error
    translation = _to_forecast_error(error)
    translation.__cause__ = error
    return translation


def _to_forecast_error(error: BaseException) -> ForecastError:
    import psycopg2  # noqa: PLC0415 - who copies rows meets its errors as they are

    original = f"{type(error).__name__}: {error}".splitlines()[0]
    match error:
        case sa.exc.SQLAlchemyError() | psycopg2.Error():
            return _database_failed(error)
        case ConnectionError() | TimeoutError():
            return Outage(
                f"a service on the network did not answer ({original})",
                remedy="check that it is reachable from here, then launch again",
            )
        case MemoryError():
            return Outage(
                "this machine has no memory left for the run",
                remedy="choose a narrower scope or fewer processes (FORECAST_PROCESSES), then launch again",
            )
        case PermissionError() | OSError():
            return Outage(
                f"a file could not be read or written ({original})",
                remedy="check rights and free space of FORECAST_HOME and the lake, then launch again",
            )
        case ImportError():
            return BadSetting(
                f"a package is missing ({original})",
                remedy="install it beside forecast-assets, or leave out what needs it",
            )
    return _of_dagster(error) or InternalError(
        f"something unexpected happened ({original})",
        remedy="launch again; if it happens again, report it with the log of this run",
    )


def _of_dagster(error: BaseException) -> ForecastError | None:
    from dagster import DagsterRunNotFoundError  # noqa: PLC0415 - a second, which most errors do not need

    if isinstance(error, DagsterRunNotFoundError):
        return Outage(
            "the record of this run was removed while it worked, as by a restore or by deleting it",
            remedy="launch again",
        )
    # Its storage wraps what the database raised.
    return _database_failed(error) if isinstance(error.__cause__, sa.exc.SQLAlchemyError) else None


def _database_failed(error: BaseException) -> Outage:
    return Outage(
        f"the database did not do what was asked of it ({type(error).__name__})",
        remedy="run `forecast-assets doctor`; launch again when it is green",
    )


def error_payload(error: ForecastError) -> dict[str, str | None]:
    """An error as it is stored and shown: code, problem, remedy, and the original beneath."""
    cause = error.__cause__
    return {
        "code": type(error).__name__,
        "problem": error.problem,
        "remedy": error.remedy,
        "original": None if cause is None else f"{type(cause).__name__}: {cause}".splitlines()[0][:500],
    }

"""How a refusal ends a command: its sentence on stderr and an exit code.

Belongs here: what has to work before anything heavy is imported.
Does not belong here: listings and progress (``console``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from forecast_assets.errors import ForecastError, Outage

DONE, BROKE, REFUSED, OUTAGE = 0, 1, 2, 3
SAY = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def errors_on_console() -> Iterator[None]:
    """Print an expected error with its remedy and leave with its exit code."""
    try:
        yield
    except ForecastError as error:
        raise SystemExit(_exit_code_of(error)) from error
    except BrokenPipeError:
        raise  # whoever read the output has gone
    except Exception as raised:
        from forecast_assets.error_translation import InternalError, to_forecast_error

        translation = to_forecast_error(raised)
        if isinstance(translation, InternalError):
            raise  # its trace says more than any sentence
        raise SystemExit(_exit_code_of(translation)) from raised


def _exit_code_of(error: ForecastError) -> int:
    """Print an error; return the exit code that it ends a command with."""
    SAY.print(f"[bold red]{type(error).__name__}[/]: ", end="")
    SAY.print(error.problem, markup=False)
    SAY.print(f"  -> {error.remedy}", markup=False)
    return OUTAGE if isinstance(error, Outage) else REFUSED

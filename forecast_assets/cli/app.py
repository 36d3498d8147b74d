"""The commands by name; each is imported when it is used, so that help and errors come at once.

Belongs here: assembling the command line.
Does not belong here: the commands themselves.
"""

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from forecast_assets.cli.garbage import without_garbage_search
from forecast_assets.errors import BadSetting


class _Entry(NamedTuple):
    """Where a command is, the panel of ``--help`` that holds it, and its sentence there."""

    module: str
    name: str
    panel: str
    sentence: str


_FIRST, _DATA, _RESULTS = "First steps", "Data and evaluation", "Results and decisions"
_RUNS, _CARE = "Launched work", "Care"
COMMANDS = {
    "demo": _Entry("demo", "demo", _FIRST, "Real bakery sales to champions and forecasts, in one command."),
    "doctor": _Entry(
        "doctor",
        "doctor",
        _FIRST,
        "Try everything that a run needs; name what is broken with a next step.",
    ),
    "dev": _Entry("pages", "dev", _FIRST, "Serve Dagit on 127.0.0.1 with its daemon until interrupted."),
    "dataset": _Entry("dataset", "app", _DATA, "Where sales come from: add, list, show, remove."),
    "evaluate": _Entry(
        "evaluate", "evaluate", _DATA, "Backtest what changed, choose champions and forecast with them."
    ),
    "refresh": _Entry(
        "refresh", "refresh", _DATA, "Renew drift, live accuracy, data quality and model health."
    ),
    "export": _Entry("export", "export", _RESULTS, "Results as a table, CSV, JSON or Parquet."),
    "report": _Entry("report", "report", _RESULTS, "One HTML page with plots, for planners without Dagit."),
    "what-if": _Entry("plan", "what_if", _RESULTS, "Forecast a series under other prices or promotions."),
    "plan": _Entry("plan", "app", _RESULTS, "Kept what-if plans."),
    "register": _Entry("registry", "register", _RESULTS, "Register champions as challengers in MLflow."),
    "promote": _Entry("registry", "promote", _RESULTS, "Which challengers would become live; do it."),
    "rollback": _Entry("registry", "rollback", _RESULTS, "Which version would be live again; do it."),
    "explain-model": _Entry("registry", "explain_model", _RESULTS, "How a model came to be; its WAPE again."),
    "submit": _Entry("submit", "app", _RUNS, "Launch a batch, comparison, pipeline, showcase or retraining."),
    "status": _Entry("status", "status", _RUNS, "How far launched runs are."),
    "cancel": _Entry("status", "cancel", _RUNS, "End a run; what is done is kept."),
    "retry": _Entry("status", "retry", _RUNS, "Try again what failed, as a new run."),
    "batch": _Entry("batch", "app", _RUNS, "Champions and priorities of a batch."),
    "workspace": _Entry("workspace", "app", _RUNS, "Kept showcases."),
    "web": _Entry("pages", "web", _CARE, "Serve Dagit alone, for a deployment."),
    "mlflow": _Entry("pages", "mlflow", _CARE, "Serve MLflow's pages on 127.0.0.1 until interrupted."),
    "state": _Entry("state", "app", _CARE, "Prepare, back up, restore and trim database and lake."),
}


class _ByName(Mapping[str, Any]):
    """The commands, imported one by one."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer keeps its own click
        if name not in COMMANDS:
            raise KeyError(name)
        return load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Lazily(TyperGroup):
    """A group that knows its commands by name and imports one of them when it is called."""

    only_named = False

    @property
    def commands(self) -> Any:  # noqa: ANN401 - typer keeps its own click
        """All commands by name, each imported when it is looked at."""
        return _ByName()

    @commands.setter
    def commands(self, value: Any) -> None:  # noqa: ANN401 - as above
        """Take none: they are found by name."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer keeps its own click
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - as above
        if cmd_name not in COMMANDS:
            return None
        entry = COMMANDS[cmd_name]
        if self.only_named:
            return TyperCommand(cmd_name, help=entry.sentence, rich_help_panel=entry.panel)
        return load(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        self.only_named = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.only_named = False


def load(name: str) -> Any:  # noqa: ANN401 - as above
    """Import the command ``name``."""
    entry = COMMANDS[name]
    with without_garbage_search():
        command: Any = getattr(import_module(f"forecast_assets.cli.{entry.module}"), entry.name)
    if isinstance(command, typer.Typer):
        return typer.main.get_group(command)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(command)
    return typer.main.get_command(alone)


app = typer.Typer(
    name="forecast-assets",
    cls=Lazily,
    help="Forecast operations for retail demand. Exit codes: 0 done, 1 done with broken series, "
    "2 refused (nothing written), 3 an outage, 130 ended by Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(*, is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"forecast-assets {version('forecast-assets')}, dagster {version('dagster')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print versions and leave."),
    ] = False,
) -> None:
    """Options of no command in particular."""


def run() -> None:
    """Run the command that the process was started with. Raises ``ForecastError`` when it is refused."""
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # read when MLflow is imported
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if not sys.warnoptions:  # what libraries say about their use is for those who write code
        warnings.simplefilter("ignore")
    raise SystemExit(_called())


def _called() -> int:
    """Run the command; return its exit code. Raises ``BadSetting`` for what it cannot be called with."""
    try:
        return app(standalone_mode=False) or 0
    except TyperException as error:
        refusal: Any = error  # the classes of its own are private to typer
        context = getattr(refusal, "ctx", None)
        if context is None or type(error).__name__ == "NoArgsIsHelpError":
            refusal.show()
            return int(refusal.exit_code)
        problem = refusal.format_message().replace("Value error, ", "").rstrip(".")
        raise BadSetting(problem, remedy=f"see `{context.command_path} --help`") from error

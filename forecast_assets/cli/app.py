"""The commands by name.

Belongs here: assembling the command line.
Does not belong here: the commands themselves.
"""

import logging

import typer

from forecast_assets.cli import (
    dataset,
    demo,
    doctor,
    evaluate,
    export,
    launch,
    mlflow,
    plan,
    registry,
    state,
    submit,
    workspace,
)

app = typer.Typer(
    name="forecast-assets",
    help="Forecast operations for retail demand. Exit codes: 0 done, 1 done with broken series, "
    "2 refused (nothing written), 3 an outage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(dataset.app, name="dataset")
app.add_typer(state.app, name="state")
app.command()(evaluate.evaluate)
app.add_typer(submit.app, name="submit")
app.add_typer(workspace.app, name="workspace")
app.command()(launch.status)
app.command()(launch.cancel)
app.command()(launch.retry)
app.command()(export.export)
app.command()(plan.what_if)
app.add_typer(plan.app, name="plan")
app.command()(doctor.doctor)
app.command()(demo.demo)
app.command()(mlflow.mlflow)
app.command()(registry.register)
app.command()(registry.promote)
app.command()(registry.rollback)
app.command()(registry.explain_model)


def run() -> None:
    """Run the command that the process was started with. Raises ``ForecastError`` when it is refused."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    app()

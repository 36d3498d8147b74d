"""The command line ``forecast-assets``."""

from forecast_assets.cli.refusals import told_errors
from forecast_assets.settings import settings


def main() -> None:
    """Run the command line. A wrong environment variable ends it before anything heavy is imported."""
    with told_errors():
        settings()
        from forecast_assets.cli.app import run  # noqa: PLC0415 - seconds that a refusal should not cost

        run()

"""The command line ``forecast-assets``."""

from forecast_assets.cli.interrupts import ended_by_key


def main() -> None:
    """Run the command line. A wrong environment variable ends it before anything heavy is imported."""
    with ended_by_key():
        # Ctrl-C works while libraries are imported, which takes seconds that a refusal should not cost.
        from forecast_assets.cli.home import locate_home
        from forecast_assets.cli.refusals import errors_on_console
        from forecast_assets.settings import settings

        with errors_on_console():
            locate_home()
            settings()
            from forecast_assets.cli.app import run

            run()


__all__ = ["main"]

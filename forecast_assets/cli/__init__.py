"""The command line ``forecast-assets``."""

from forecast_assets.cli.app import main

__all__ = ["main"]

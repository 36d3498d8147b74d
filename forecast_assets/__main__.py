"""``python -m forecast_assets``: the same as ``forecast-assets``."""

from forecast_assets.cli import main

if __name__ == "__main__":
    main()

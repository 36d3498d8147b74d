"""The command line ``forecast-assets``."""

import os
import signal


def main() -> None:
    """Run the command line. A wrong environment variable ends it before anything heavy is imported."""
    # Until the key can be listened to, there is nothing that it could interrupt.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from forecast_assets.cli.garbage import without_garbage_search
    from forecast_assets.cli.interrupts import ended_by_key

    with ended_by_key():
        # Ctrl-C works while libraries are imported, which takes seconds that a refusal should not cost.
        with without_garbage_search():
            from forecast_assets.cli.home import locate_home
            from forecast_assets.cli.refusals import errors_on_console
            from forecast_assets.settings import settings

        with errors_on_console():
            locate_home()
            settings()
            with without_garbage_search():
                from forecast_assets.cli.app import run

            run()


__all__ = ["main"]

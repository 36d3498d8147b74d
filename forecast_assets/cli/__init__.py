"""The command line ``forecast-assets``."""

import atexit
import gc
import os
import signal


def _leave(*_: object) -> None:
    """End before the key is listened to, or after: there is nothing that it could interrupt."""
    os.write(2, b"\nCtrl-C: ended\n")
    os._exit(130)


def main() -> None:
    """Run the command line. A wrong environment variable ends it before anything heavy is imported."""
    # First of all: Python's own answer to the key is a traceback.
    signal.signal(signal.SIGINT, _leave)
    # The last of all: what was asked for is done, and Python takes itself apart.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    from forecast_assets.cli.garbage import without_garbage_search
    from forecast_assets.cli.interrupts import ended_by_key

    with ended_by_key():
        # Ctrl-C works while libraries are imported, which takes seconds that a refusal should not cost.
        with without_garbage_search():
            from forecast_assets.cli.home import locate_home
            from forecast_assets.cli.refusals import errors_on_console
            from forecast_assets.settings import settings

        try:
            with errors_on_console():
                locate_home()
                settings()
                with without_garbage_search():
                    from forecast_assets.cli.app import run

                run()
        finally:
            # Python would look for garbage among all libraries before it leaves.
            gc.freeze()


__all__ = ["main"]

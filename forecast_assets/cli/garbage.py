"""Imports without a search for garbage: what they make stays until the command ends.

Belongs here: when Python looks for garbage in a command.
Does not belong here: how often it does elsewhere (the package itself).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_search() -> Iterator[None]:
    """Look for no garbage while libraries are imported, and later never among what they have made.

    Within another one this does nothing.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

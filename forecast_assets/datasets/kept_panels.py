"""Panels that a command reads once, although every step of its runs asks for them.

Belongs here: keeping the newest whole panel while a command works on it.
Does not belong here: how a panel is stored (``panels``), and which one is current (``building``).
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from forecast_assets.forecasting.core.panel import Panel

_kept: ContextVar[dict[Hashable, Panel] | None] = ContextVar("panels", default=None)


@contextmanager
def panels_kept() -> Iterator[None]:
    """Keep the newest whole panel that is read in this context; it may have 30,490 x 1,941 values."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def kept(identity: Hashable, read: Callable[[], Panel]) -> Panel:
    """Return the panel that is kept under ``identity``, else ``read`` it and keep it instead of others.

    Nobody can write into a panel that is kept.
    """
    panels = _kept.get()
    if panels is None:
        return read()
    if identity not in panels:
        panels.clear()
        panel = read()
        for values in (panel.units, *panel.known.values()):
            values.flags.writeable = False
        panels[identity] = panel
    return panels[identity]

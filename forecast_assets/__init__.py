"""Forecast operations for retail demand as one Dagster asset graph.

For programs: ``import forecast_assets as fa``, then ``fa.add``, ``fa.evaluate``, ``fa.champions``,
``fa.drift_verdicts``, ``fa.forecast``,
``fa.leaderboard``, ``fa.order_proposal``, ``fa.what_if`` (see ``forecast_assets.api``).
"""

import gc
import os
import warnings
from importlib import import_module

# Not from typing: a tenth of the time until Ctrl-C is listened to.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from forecast_assets.api import (
        ForecastError,
        WhatIf,
        add,
        champions,
        drift_verdicts,
        evaluate,
        forecast,
        leaderboard,
        order_proposal,
        what_if,
    )

__all__ = [
    "ForecastError",
    "WhatIf",
    "add",
    "champions",
    "drift_verdicts",
    "evaluate",
    "forecast",
    "leaderboard",
    "order_proposal",
    "what_if",
]

# Two OpenMP pools that spin on shared cores slow each other down by more than an order of magnitude.
# libgomp reads this once, when the first model library loads it, so it has to be set before any of them.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# These libraries make hundreds of thousands of objects that stay: looking for garbage among them after every
# 700 new ones takes a tenth of each start.
gc.set_threshold(50_000)
# Partitioned asset checks are in beta; every command would say so. The tests pin what we rely on.
warnings.filterwarnings("ignore", message=".*currently in (beta|preview).*")


def __getattr__(name: str) -> "Any":  # noqa: ANN401 - whatever is asked for
    """Import the functions for programs when one is used: commands and workers need none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # By name, so that what follows imports to pack a model does not take the whole package along.
    return getattr(import_module("forecast_assets.api"), name)

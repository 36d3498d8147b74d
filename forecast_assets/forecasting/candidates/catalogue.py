"""The candidates by name: which exist, which run unless told otherwise, and how a list of them is read.

Belongs here: names and what they stand for.
Does not belong here: the global model itself; it learns from many series and is fitted upstream.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.candidates.baselines import MovingAverage, Naive, SeasonalNaive
from forecast_assets.forecasting.candidates.ets import ETS
from forecast_assets.forecasting.candidates.intermittent import TSB, CrostonSBA
from forecast_assets.forecasting.candidates.protocol import Candidate

DEFAULT = ("naive", "seasonal_naive", "moving_average", "croston_sba", "tsb", "ets", "lightgbm")
GLOBAL = ("lightgbm",)
MOST = 10

_LOCAL: Mapping[str, Callable[[], Candidate]] = {
    "naive": Naive,
    "seasonal_naive": SeasonalNaive,
    "moving_average": MovingAverage,
    "croston_sba": CrostonSBA,
    "tsb": TSB,
    "ets": ETS,
}
_KNOWN = (*_LOCAL, *GLOBAL)


def local(name: str) -> Candidate:
    """Answer a candidate that forecasts a series from its own past. Raises ``BadSetting`` for other names."""
    if name in GLOBAL:
        raise BadSetting(
            f"candidate {name!r} learns from many series at once",
            remedy=f"ask for one of {', '.join(_LOCAL)}",
        )
    if name not in _LOCAL:
        raise _unknown(name)
    return _LOCAL[name]()


def parse(names: Sequence[str]) -> tuple[str, ...]:
    """Answer ``names`` in their order. Raises ``BadSetting`` for none, too many, repeated or unknown ones."""
    if isinstance(names, str):
        raise BadSetting(f"candidates is the text {names!r}", remedy="give a list of names")
    if not names:
        raise BadSetting("no candidate is named", remedy=f"name at least one of {', '.join(_KNOWN)}")
    if len(names) > MOST:
        raise BadSetting(f"{len(names)} candidates are named", remedy=f"name at most {MOST}")
    for position, name in enumerate(names):
        if name not in _KNOWN:
            raise _unknown(name)
        if name in names[:position]:
            raise BadSetting(f"candidate {name!r} is named twice", remedy="name every candidate once")
    return tuple(names)


def _unknown(name: str) -> BadSetting:
    near = difflib.get_close_matches(name, _KNOWN, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}? " if near else ""
    return BadSetting(f"candidate {name!r} is unknown", remedy=f"{remedy}Known: {', '.join(_KNOWN)}")

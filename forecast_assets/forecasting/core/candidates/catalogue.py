"""The candidates: which exist, what may be set of them, and how a list of them is read.

Belongs here: model types, labels and what they stand for.
Does not belong here: forecasting.

A *label* is a candidate with what differs from its defaults: ``ets``, ``moving_average(window_size=28)``.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.bounds import rules_of
from forecast_assets.forecasting.core.candidates.additive import ProphetLike, TrendRegression
from forecast_assets.forecasting.core.candidates.baselines import (
    MovingAverage,
    Naive,
    SeasonalAverage,
    SeasonalNaive,
    WeightedMovingAverage,
)
from forecast_assets.forecasting.core.candidates.ensemble import Blend, EnsembleMean
from forecast_assets.forecasting.core.candidates.ets import ETS
from forecast_assets.forecasting.core.candidates.intermittent import TSB, CrostonSBA
from forecast_assets.forecasting.core.candidates.learners import Learner, LightGBM, Regression, XGBoost
from forecast_assets.forecasting.core.candidates.libraries import AutoETS, Prophet, Theta
from forecast_assets.forecasting.core.candidates.own import own_candidates
from forecast_assets.forecasting.core.candidates.parameters import value_of, value_text
from forecast_assets.forecasting.core.candidates.protocol import Candidate
from forecast_assets.forecasting.core.candidates.smoothing import ADIDA, SES
from forecast_assets.forecasting.core.candidates.tabular import (
    RandomForest,
    SeriesLightGBM,
    SeriesRegression,
    SeriesXGBoost,
)

DEFAULT = ("naive", "seasonal_naive", "moving_average", "croston_sba", "tsb", "ets", "lightgbm", "blend")
# What an evaluation keeps as champion unless another is clearly better.
DEFAULT_MODEL = "blend"
MOST = 10
Family = Literal["baseline", "intermittent", "smoothing", "tree", "additive", "ensemble"]
# What other candidates are measured against, rather than what a planner should rely on.
REFERENCES: frozenset[Family] = frozenset({"baseline", "intermittent"})
Scope = Literal["series", "global", "evaluation"]
_LABEL = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*")
_ALONE = re.compile(r"\bscope\s*=\s*series\b")
_OUTSIDE_BRACKETS = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class Entry:
    """One model type. ``cost`` is CPU milliseconds per series and fold, measured on the shipped sales.

    ``scope``: learned from each series, from all series of a dataset (global), or from the other candidates
    of the evaluation. ``feature_aware``: reads columns that are known ahead. ``requires``: an extra.
    ``foreign``: code of others, run in a process of its own. ``alone``: the entry of the same type with
    ``scope=series``. ``own``: found in a file or package that is not ours.
    """

    make: type
    family: Family
    cost: float
    scope: Scope = "series"
    feature_aware: bool = False
    requires: str | None = None
    foreign: bool = False
    alone: "Entry | None" = None
    own: bool = False

    @property
    def model_type(self) -> str:
        return str(self.make.name)  # type: ignore[attr-defined]  # every candidate has one

    @property
    def description(self) -> str:
        return (self.make.__doc__ or "").partition("\n")[0]

    @property
    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Default and allowed values by name."""
        plain = fields(self.make) if self.own else ()
        return {one.name: (one.default, "any value") for one in plain} | rules_of(self.make)


def _alone(make: type, cost: float, *, requires: str | None = None) -> Entry:
    return Entry(make, "tree", cost, feature_aware=True, requires=requires, foreign=True)


CATALOGUE = {
    entry.model_type: entry
    for entry in (
        Entry(Naive, "baseline", 0.001),
        Entry(SeasonalNaive, "baseline", 0.001),
        Entry(MovingAverage, "baseline", 0.001),
        Entry(WeightedMovingAverage, "baseline", 0.001),
        Entry(SeasonalAverage, "baseline", 0.003),
        Entry(SES, "smoothing", 0.08),
        Entry(ETS, "smoothing", 0.08),
        Entry(CrostonSBA, "intermittent", 0.03),
        Entry(TSB, "intermittent", 0.02),
        Entry(ADIDA, "intermittent", 0.5),
        Entry(TrendRegression, "additive", 4.3),
        Entry(ProphetLike, "additive", 1.8, feature_aware=True),
        Entry(LightGBM, "tree", 2.2, scope="global", feature_aware=True, alone=_alone(SeriesLightGBM, 60)),
        Entry(
            Regression, "tree", 6.6, scope="global", feature_aware=True, alone=_alone(SeriesRegression, 400)
        ),
        Entry(XGBoost, "tree", 5.4, scope="global", feature_aware=True, alone=_alone(SeriesXGBoost, 60)),
        _alone(RandomForest, 400),
        Entry(Prophet, "additive", 150, feature_aware=True, foreign=True),
        Entry(AutoETS, "smoothing", 15, requires="stats", foreign=True),
        Entry(Theta, "smoothing", 50, requires="stats", foreign=True),
        Entry(EnsembleMean, "ensemble", 0.0001, scope="evaluation"),
        Entry(Blend, "ensemble", 0.001, scope="evaluation"),
    )
}


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Entry]:
    """Return all model types: ours, and those of other packages and files. Raises ``BadSetting``."""
    added = {}
    for name, one in own_candidates().items():
        if name in CATALOGUE:
            raise BadSetting(f"candidate {name!r} of {one.source} exists already", remedy="rename it")
        make = one.make
        added[name] = Entry(
            make,
            getattr(make, "family", "additive"),
            float(getattr(make, "cost", 50)),
            feature_aware=bool(getattr(make, "feature_aware", False)),
            foreign=True,
            own=True,
        )
    return {**CATALOGUE, **added}


# A label is read once; what it stands for is frozen.
@lru_cache(maxsize=4096)
def entry(label: str) -> Entry:
    """The catalogue's entry of a label. Raises ``BadSetting`` for an unknown model type."""
    match = _LABEL.fullmatch(label)
    if match is None:
        raise BadSetting(
            f"candidate {label!r} cannot be read", remedy="write it as ets or moving_average(window_size=28)"
        )
    name = match[1]
    listed = CATALOGUE.get(name) or catalogue().get(name)
    if listed is None:
        near = difflib.get_close_matches(name, catalogue(), n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}? " if near else ""
        raise BadSetting(f"candidate {name!r} is unknown", remedy=f"{remedy}Known: {', '.join(catalogue())}")
    return listed.alone if listed.alone is not None and _ALONE.search(match[2] or "") else listed


def family(label: str) -> Family:
    """The family of a label's model type; one that is no longer known counts as a baseline."""
    name = label.partition("(")[0]
    listed = CATALOGUE.get(name) or catalogue().get(name)
    return "baseline" if listed is None else listed.family


@lru_cache(maxsize=4096)
def candidate(label: str) -> Any:  # noqa: ANN401 - a Candidate, a Learner or an ensemble, as its entry's scope says
    """The candidate that a label stands for. Raises ``BadSetting`` naming the parameter that is wrong."""
    listed = entry(label)
    parameters = listed.parameters
    values: dict[str, object] = {}
    for part in filter(str.strip, ((_LABEL.fullmatch(label) or [""] * 3)[2] or "").split(",")):
        name, equals, text = (piece.strip() for piece in part.partition("="))
        if not equals or (name not in parameters and not (name == "scope" and listed.alone)):
            raise BadSetting(
                f"candidate {label!r}: {name!r} is no parameter of {listed.model_type}",
                remedy=f"known parameters: {', '.join(parameters) or 'none'}; write them as name=value",
            )
        if name == "scope" and text == "global" and listed.scope == "global":
            continue
        if name in values:
            raise BadSetting(f"candidate {label!r}: {name} is given twice", remedy="give it once")
        values[name] = value_of(text)
    try:
        return listed.make(**values)
    except BadSetting as error:
        raise BadSetting(f"candidate {label!r}: {error.problem}", remedy=error.remedy) from None


def label_of(one: Any) -> str:  # noqa: ANN401 - any candidate
    """The canonical label: parameters that differ from the defaults, by name."""
    parts = sorted(
        f"{part.name}={value_text(value)}"
        for part in fields(one)
        if (value := getattr(one, part.name)) != part.default
    )
    return f"{one.name}({', '.join(parts)})" if parts else str(one.name)


def local(label: str) -> Candidate:
    """Return a candidate that forecasts each series alone. Raises ``BadSetting`` for others."""
    scope = entry(label).scope
    if scope != "series":
        what = "learns from many series at once" if scope == "global" else "averages other candidates"
        raise BadSetting(f"candidate {label!r} {what}", remedy="ask for one that forecasts each series alone")
    model: Candidate = candidate(label)
    return model


def is_global(label: str) -> bool:
    """Whether one model of this candidate serves all series of a dataset."""
    return entry(label).scope == "global"


def learns_from_all(label: str) -> bool:
    """Whether a label's model type learns from all series; not of one that is no longer known."""
    name = label.partition("(")[0]
    listed = CATALOGUE.get(name) or catalogue().get(name)
    return listed is not None and listed.scope == "global" and not _ALONE.search(label)


def learner(label: str) -> Learner:
    """The global candidate of a label."""
    model: Learner = candidate(label)
    return model


def ensemble(label: str) -> EnsembleMean | None:
    """The ensemble of a label, or nothing if it is another candidate."""
    return candidate(label) if entry(label).scope == "evaluation" else None


def is_blend(label: str) -> bool:
    """Whether a candidate takes its weights from a pool."""
    return entry(label).make is Blend


def members(label: str) -> tuple[str, ...]:
    """The candidates whose forecasts make up a candidate's: an ensemble's members, else itself."""
    mean = ensemble(label)
    return mean.of() if mean else (label,)


def feature_frame(label: str) -> int:
    """The version of the feature frame that a candidate or any member of it reads; 1 for none."""
    return max(int(getattr(candidate(member), "frame", 1)) for member in members(label))


def slug(label: str) -> str:
    """A label as a part of a path: the model type, and a hash where parameters follow it."""
    name, bracket, _ = label.partition("(")
    return f"{name}-{blake2b(label.encode(), digest_size=4).hexdigest()}" if bracket else name


def split(text: str) -> list[str]:
    """Split a list of labels at the commas outside brackets."""
    return [part.strip() for part in _OUTSIDE_BRACKETS.split(text)]


def parse(labels: Sequence[str]) -> tuple[str, ...]:
    """Return canonical labels in their order.

    Raises ``BadSetting`` for none, too many, repeated or unknown ones, for parameters out of their bounds,
    and for an ensemble whose members are not among them.
    """
    if isinstance(labels, str):
        raise BadSetting(f"candidates is the text {labels!r}", remedy="give a list of names")
    if not labels:
        raise BadSetting("no candidate is named", remedy=f"name at least one of {', '.join(CATALOGUE)}")
    if len(labels) > MOST:
        raise BadSetting(f"{len(labels):,} candidates are named", remedy=f"name at most {MOST}")
    read = _blended(tuple(label_of(candidate(label)) for label in labels))
    for position, label in enumerate(read):
        if label in read[:position]:
            raise BadSetting(f"candidate {label!r} is named twice", remedy="name every candidate once")
        if (mean := ensemble(label)) is not None and (missing := [m for m in mean.of() if m not in read]):
            raise BadSetting(
                f"candidate {label!r} averages {', '.join(missing)}, which the evaluation does not run",
                remedy=f"add {', '.join(missing)} to the candidates, or choose other members",
            )
    return read


def _blended(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Let a blend without named members be one of those that are there."""
    others = [label for label in labels if entry(label).scope != "evaluation" and not entry(label).foreign]
    strong = [label for label in others if family(label) not in REFERENCES]
    ready = strong if len(strong) > 1 else others
    if len(ready) < 2:  # noqa: PLR2004 - a mean of two or more; the check of members refuses fewer
        return labels
    usual = Blend()
    return tuple(
        label_of(usual.among(ready if not set(usual.of()) <= set(labels) else usual.of()))
        if label == usual.name
        else label
        for label in labels
    )

"""What a person fills in to launch a model pipeline, and what of it is refused.

Belongs here: the fields of the Launchpad and of ``forecast-assets submit pipeline``, caps and budgets.
Does not belong here: the work (``run``).
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from pydantic import Field

from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.errors import BadSetting, TooMany
from forecast_assets.evaluation_settings import EvaluationSettings, revised
from forecast_assets.forecasting.core.candidates.catalogue import candidate, label_of
from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.forecasting.version import code_version
from forecast_assets.keys import SeriesKey
from forecast_assets.launches import scopes
from forecast_assets.launches.batch.config import ScopeConfig
from forecast_assets.launches.model import Plan
from forecast_assets.launches.pipeline.guardrails import SWEEPS, Guardrails, least_sample
from forecast_assets.launches.window import Window, WindowedConfig, chosen
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.launches import LaunchBudgetRow

Mode = Enum("Mode", {"simple": "simple", "advanced": "advanced"})
SweepName = Enum("SweepName", {name: name for name in SWEEPS})  # type: ignore[misc]  # the names are a table's
_ALTERNATIVES = re.compile(r"(\w+)=([^,()=]*\|[^,()=]*)")


class PipelineConfig(ScopeConfig, WindowedConfig):
    """Which series, what to try on them, and what the best candidate must show before it is trained."""

    mode: Mode = Field(
        default=Mode.simple,
        description="simple: a sweep preset decides; advanced: window, grid and guardrails are yours.",
    )
    requested_by: str = Field(
        min_length=1, max_length=100, description="Who asks; budgets are counted by it."
    )
    dry_run: bool = Field(default=True, description="Say what would be done and do none of it.")
    sweep: SweepName | None = Field(
        default=None, description="Preset of candidates and guardrails; simple mode needs one."
    )
    grid: list[str] = Field(
        default=[],
        description="Advanced: candidates; alternatives with |, as moving_average(window_size=7|28).",
    )
    persist: bool = Field(
        default=True, description="Advanced: keep the trained model and its forecasts in the lake."
    )
    most_series: int = Field(default=20, ge=1, description="Only the first so many series of the scope.")
    minimum_skill: float | None = Field(
        default=None, description="Advanced: least percent by which WAPE is below seasonal naive's."
    )
    maximum_relative_bias: float | None = Field(
        default=None, ge=0, description="Advanced: largest absolute bias in percent of mean demand."
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, checked: ``pairs`` are the series that are taken, ``left_out`` how many are not."""

    dataset: Dataset
    pairs: list[SeriesKey]
    left_out: int
    labels: tuple[str, ...]
    settings: EvaluationSettings
    window: Window
    guardrails: Guardrails

    def plan(self) -> str:
        """What is about to happen, in one sentence."""
        horizon = self.dataset.options.period.count(self.settings.horizon)
        return (
            f"try {len(self.labels):,} candidates on {len(self.pairs):,} series of {self.dataset.name} over "
            f"{self.settings.n_splits} folds of {horizon}, and train the best if it is "
            f"good enough"
        )


def resolve(stores: Stores, config: PipelineConfig) -> Request:
    """Return what ``config`` asks for. Raises ``ForecastError`` before anything is written."""
    _check_mode(config)
    dataset = load(stores, config.dataset)
    dataset.built()
    # A leaderboard ranks by error alone: what a dataset keeps as its default has no place in it.
    own = {**config.changes(), "candidates": None, "policy": "lowest_error"}
    settings = revised(dataset.options.evaluation, own)
    period = dataset.options.period
    labels, guardrails = _request_of(config, period)
    _check_caps(settings, labels, period)
    window = chosen(config.start_day, config.end_day, dataset, settings)
    pairs = scopes.pairs(stores, dataset, config.chosen())
    if not pairs:
        raise BadSetting("the scope has no series", remedy="choose another scope")
    cap = environment().pipeline_max_series
    if config.most_series > cap:
        raise BadSetting(
            f"most_series is {config.most_series:,}; at most {cap:,} series are allowed",
            remedy="ask for fewer, or raise FORECAST_PIPELINE_MAX_SERIES",
        )
    taken = pairs[: config.most_series]
    return Request(dataset, taken, len(pairs) - len(taken), labels, settings, window, guardrails)


def _check_mode(config: PipelineConfig) -> None:
    own = ("grid", "minimum_sample_size", "minimum_skill", "maximum_relative_bias", "start_day", "end_day")
    if config.mode is Mode.advanced:
        if not config.grid and config.sweep is None:
            raise BadSetting("there is nothing to try", remedy="give a grid, or a sweep preset")
        return
    if config.sweep is None:
        raise BadSetting("simple mode needs a sweep preset", remedy=f"use one of {', '.join(SWEEPS)}")
    named = [name for name in own if getattr(config, name) not in (None, [])]
    if named := named + ["persist"] * (not config.persist):
        raise BadSetting(
            f"{', '.join(named)} cannot be set in simple mode", remedy="leave it out, or use mode advanced"
        )


def _request_of(config: PipelineConfig, period: Frequency) -> tuple[tuple[str, ...], Guardrails]:
    sweep = None if config.sweep is None else SWEEPS[config.sweep.value]
    labels = expanded(config.grid) if config.grid else () if sweep is None else sweep.candidates
    base = Guardrails() if sweep is None else sweep.guardrails
    own = {name: value for name in base.to_json() if (value := getattr(config, name)) is not None}
    return labels, replace(base, **{"minimum_sample_size": least_sample(period), **own})


def expanded(grid: Sequence[str]) -> tuple[str, ...]:
    """Every combination of the alternatives of a grid, as canonical labels, each once.

    Raises ``BadSetting`` for an unknown candidate or a parameter out of its bounds.
    """
    labels: list[str] = []
    for text in grid:
        options = [(name, values.split("|")) for name, values in _ALTERNATIVES.findall(text)]
        for values in itertools.product(*(values for _, values in options)):
            label = text
            for (name, alternatives), value in zip(options, values, strict=True):
                label = label.replace(f"{name}={'|'.join(alternatives)}", f"{name}={value}")
            labels.append(label_of(candidate(label)))
    return tuple(dict.fromkeys(labels))


def _check_caps(settings: EvaluationSettings, labels: Sequence[str], period: Frequency) -> None:
    caps = environment()
    periods = settings.n_splits * (settings.step or settings.horizon) + settings.horizon
    days = round(periods * period.days)
    if days > caps.pipeline_max_days:
        raise BadSetting(
            f"{settings.n_splits} folds and a horizon of {period.count(settings.horizon)} span {days:,} "
            f"days; at most {caps.pipeline_max_days:,} are allowed",
            remedy="ask for fewer folds or a shorter horizon, or raise FORECAST_PIPELINE_MAX_DAYS",
        )
    if len(labels) > caps.pipeline_max_combinations:
        raise BadSetting(
            f"the grid has {len(labels):,} combinations; at most {caps.pipeline_max_combinations:,} "
            "are allowed",
            remedy="choose fewer alternatives, or raise FORECAST_PIPELINE_MAX_COMBINATIONS",
        )


def validate(stores: Stores, config: PipelineConfig) -> Plan:
    """Return the plan of a pipeline. Raises ``ForecastError`` before anything is written."""
    request = resolve(stores, config)
    check_budget(stores, config.requested_by)
    requested = config.model_dump(mode="json", exclude_none=True)
    return Plan(
        what=request.plan(),
        spec={
            "mode": config.mode.value,
            "dry_run": config.dry_run,
            "persist": config.persist,
            "timeframe": request.dataset.options.frequency,
            "days": {"first": request.window.first, "last": request.window.last},
            "model_version": code_version(),
            "request": {**requested, "candidates_tried": list(request.labels)},
            "guardrails": request.guardrails.to_json(),
        },
        dataset=config.dataset,
        requested_by=config.requested_by,
    )


def check_budget(stores: Stores, requested_by: str) -> None:
    """Raise ``TooMany``, which says when to come back, for who has launched too much within an hour."""
    most = environment().pipeline_runs_per_hour
    row = stores.warehouse.row(LaunchBudgetRow, kind="pipeline", requested_by=requested_by, most=most)
    if row is not None and row["free_at"] is not None:
        raise TooMany(
            f"{requested_by} has launched {most} pipeline runs within an hour",
            remedy=f"try again after {row['free_at']:%H:%M} UTC, or try more candidates in one run",
        )

"""How an evaluation looks back: candidates, folds and the rule that chooses.

Belongs here: the one settings object that decides which results are comparable.
Does not belong here: where the numbers come from (``datasets``) and how they are computed (``forecasting``).
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.candidates.catalogue import DEFAULT, DEFAULT_MODEL, parse
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.forecasting.core.metrics import MetricName
from forecast_assets.forecasting.core.ranking import Policy, RankingPolicy
from forecast_assets.forecasting.core.restriction import Restriction
from forecast_assets.model_validation import validate_model


class EvaluationSettings(BaseModel):
    """Candidates, folds and policy of an evaluation; equal settings give comparable results."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    candidates: tuple[str, ...] = Field(default=DEFAULT, description="Candidate types to compare, 1 to 10.")
    horizon: int = Field(
        default=14, ge=1, le=90, description="Periods (days, weeks or months) forecast from each cutoff."
    )
    n_splits: int = Field(default=5, ge=2, le=20, description="Cutoffs, the newest one horizon ago.")
    gap: int = Field(
        default=0, ge=0, le=30, description="Periods between the last known sale and the first one."
    )
    min_train: int = Field(default=30, ge=7, description="Periods of history a fold needs before its cutoff.")
    step: int | None = Field(
        default=None, ge=1, description="Periods between cutoffs; the horizon when unset."
    )
    strategy: Literal["expanding", "sliding"] = Field(
        default="expanding", description="Learn from all history, or from the last min_train periods only."
    )
    policy: Policy = Field(
        default="default_with_margin",
        description="default_with_margin: default_model stays champion unless another is better by the "
        "margin and in every fold. lowest_error: the best rank is champion. stock_cost: the one whose stock "
        "costs least is.",
    )
    default_model: str = Field(
        default=DEFAULT_MODEL,
        description="Candidate that default_with_margin keeps; one of the candidates. Evaluations without "
        f"{DEFAULT_MODEL} take the lowest error.",
    )
    margin: float = Field(
        default=0.30, ge=0, lt=1, description="Share of its error by which default_model must be beaten."
    )
    ranking_metric: MetricName = Field(
        default="wape", description="The metric that ranks first; the others break ties."
    )
    intermittent_metric: MetricName | None = Field(
        default=None,
        description="Metric that ranks first for intermittent and lumpy demand instead, where absolute "
        "errors reward forecasting nothing; rmse does not. When unset, rmse takes the place of wape where "
        "the lowest error chooses the champion.",
    )
    restrict: tuple[str, ...] = Field(
        default=(),
        description="Keep slow candidates to some series: 'prophet: top 100' (by revenue) or "
        "'auto_ets: smooth+erratic' (classes of demand).",
    )
    minimum_sample_size: int = Field(default=0, ge=0, description="Scored periods a candidate needs.")
    high_confidence: float = Field(
        default=0.10, ge=0, le=1, description="Relative WAPE lead from which on confidence is high."
    )
    max_abs_bias: float = Field(
        default=1e9, ge=0, description="Largest absolute bias, in units a period, that is still trusted."
    )

    @model_validator(mode="after")
    def _known_and_possible(self) -> "EvaluationSettings":
        absent = self.kept_model() not in self.candidates
        if self.policy == "default_with_margin" and absent and self.default_model != DEFAULT_MODEL:
            raise BadSetting(
                f"policy default_with_margin keeps {self.default_model!r}, which is no candidate",
                remedy=f"add it, or set default_model to one of {', '.join(self.candidates)}",
            )
        self.plan()
        self.restrictions()
        return self

    @field_validator("candidates")
    @classmethod
    def _canonical(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        return parse(labels)

    def suited_to(self, frequency: Frequency) -> "EvaluationSettings":
        """Return these settings with folds that suit ``frequency`` where nobody set them."""
        own = {name: getattr(frequency, name) for name in ("horizon", "n_splits", "min_train")}
        return self.model_copy(update={k: v for k, v in own.items() if k not in self.model_fields_set})

    def plan(self) -> FoldPlan:
        """The folds that these settings ask for."""
        return FoldPlan(
            horizon=self.horizon,
            n_splits=self.n_splits,
            gap=self.gap,
            min_train=self.min_train,
            step=self.step,
            strategy=self.strategy,
        )

    def restrictions(self) -> list[Restriction]:
        """The rules of ``restrict``, read."""
        return [Restriction.parse(text, self.candidates) for text in self.restrict]

    def kept_model(self) -> str:
        """The candidate that ``default_model`` means: itself, or the one of its type with other members."""
        alike = [label for label in self.candidates if label.startswith(f"{self.default_model}(")]
        return self.default_model if self.default_model in self.candidates or not alike else alike[0]

    def ranking_policy(self) -> RankingPolicy:
        """The rule that chooses the champion."""
        return RankingPolicy(
            name=self._policy(),
            metric=self.ranking_metric,
            intermittent_metric=self._intermittent_metric(),
            default=self.kept_model(),
            margin=self.margin,
            minimum_sample_size=self.minimum_sample_size,
            high_confidence=self.high_confidence,
            max_abs_bias=self.max_abs_bias,
        )

    def _policy(self) -> Policy:
        keeps = self.policy == "default_with_margin"
        return "lowest_error" if keeps and self.kept_model() not in self.candidates else self.policy

    def _intermittent_metric(self) -> MetricName | None:
        """Return the metric for intermittent demand; RMSE instead of WAPE where the lowest error chooses.

        The lowest WAPE there is a forecast of nothing. A default is defended against such candidates.
        """
        chooses_zero = self._policy() == "lowest_error" and self.ranking_metric == "wape"
        return self.intermittent_metric or ("rmse" if chooses_zero else None)

    def fold_hash(self) -> str:
        """Equal for settings with equal folds, whatever their candidates: what a global model depends on."""
        return _hash(self.model_dump(include={"horizon", "n_splits", "gap", "min_train", "step", "strategy"}))

    def pool_hash(self) -> str:
        """Equal for settings with equal folds, candidates and ranking: what a pool depends on."""
        trust = {"high_confidence", "max_abs_bias", "restrict"}
        return _hash(self.model_dump(exclude=trust))

    def hash(self) -> str:
        """16 hex characters over every setting."""
        return _hash(self.model_dump())


def suited_anew(settings: EvaluationSettings, before: Frequency, after: Frequency) -> EvaluationSettings:
    """Return ``settings`` with folds that suit another period, except where they were set on purpose."""
    usual, own = (EvaluationSettings().suited_to(one) for one in (before, after))
    folds = ("horizon", "n_splits", "min_train")
    kept = {name: getattr(own, name) for name in folds if getattr(settings, name) == getattr(usual, name)}
    return settings.model_copy(update=kept)


def revised(settings: EvaluationSettings, changes: Mapping[str, object]) -> EvaluationSettings:
    """Return ``settings`` with some values changed (``None`` keeps).

    Other candidates keep the restrictions that are about one of them; where the default model is not among
    them the lowest error chooses. Raises ``BadSetting`` naming the first
    bad value.
    """
    changed: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    for listed in ("candidates", "restrict"):
        if isinstance(names := changed.get(listed), list):
            changed[listed] = tuple(names)
    kept = parse(changed["candidates"]) if "candidates" in changed else ()
    if kept and settings.default_model not in kept and not {"default_model", "policy"} & changed.keys():
        changed["default_model"] = DEFAULT_MODEL
    if kept and "restrict" not in changed:
        changed["restrict"] = tuple(
            text
            for text, rule in zip(settings.restrict, settings.restrictions(), strict=True)
            if rule.label in kept
        )
    whole = validate_model(EvaluationSettings, {**settings.model_dump(), **changed}, what="evaluation")
    # What nobody set may still be suited to a period.
    return EvaluationSettings.model_construct(settings.model_fields_set | changed.keys(), **dict(whole))


def _hash(values: dict[str, object]) -> str:
    return blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=8).hexdigest()

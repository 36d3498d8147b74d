"""The gates of governance: what speaks for a model version, and what against it.

Belongs here: one function per gate, with its limit.
Does not belong here: what a failed gate leads to (``proposals``), looking at files (``verification``).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from forecast_assets.forecasting.core.bounds import Checked, number, whole
from forecast_assets.stores.rows.evaluations import ChampionsOfRow, MetricsOfRow
from forecast_assets.stores.rows.registry import ModelVersionsOfRow

# Checks of a dataset that no promotion passes over: asset and name.
QUALITY = (
    ("sales", "grain_is_unique"),
    ("sales", "columns_are_plans"),
    ("panel", "gaps"),
    ("panel", "coverage"),
    ("global_forecasts", "no_leakage"),
    ("data_quality", "sales_look_right"),
)


@dataclass(frozen=True, slots=True)
class Limits(Checked):
    """What the gates let pass.

    ``max_relative_bias``: absolute bias as a share of the mean daily demand; ``max_stability``: spread of
    WAPE over the folds in percent of its mean; ``max_age_days``: days from the last day that the version
    knows to the newest one of the dataset; ``max_expected_wape``: what a champion may be expected to miss on
    new days, in percent.
    """

    max_relative_bias: float = number(0.25, 0, 10)
    max_stability: float = number(50.0, 0, 1000)
    max_age_days: int = whole(14, 0, 365)
    max_expected_wape: float = number(100.0, 0, 1000)


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition: whether it holds (``None`` = unknown), and the sentence that says why."""

    name: str
    passed: bool | None
    sentence: str


def better_error(live: int | None, before: float | None, after: float | None) -> Gate:
    """WAPE in percent on the same folds, of what is live ``before`` and of what would be ``after``."""
    if after is None:
        return Gate("better_error", passed=False, sentence="it has no WAPE on the newest folds")
    if live is None:
        return Gate("better_error", passed=True, sentence=f"WAPE {after:,.2f} %, and nothing is live")
    if before is None:
        return Gate("better_error", passed=False, sentence="what is live has no WAPE on the newest folds")
    return Gate("better_error", after <= before, f"WAPE {after:,.2f} % after {before:,.2f} %")


def bias(version: ModelVersionsOfRow, demand: float | None, limits: Limits) -> Gate:
    """Absolute bias against the mean daily ``demand`` of the series."""
    if version["bias"] is None or not demand:
        return Gate("bias", passed=False, sentence="its bias is not known")
    relative = abs(version["bias"]) / demand
    limit = limits.max_relative_bias
    return Gate(
        "bias",
        relative <= limit,
        f"{100 * relative:,.0f} % of the mean demand, {100 * limit:,.0f} % are allowed",
    )


def expected_error(version: ModelVersionsOfRow, champion: ChampionsOfRow | None, limits: Limits) -> Gate:
    """WAPE that is expected on new days, which is known of the current ``champion`` alone."""
    if champion is None or champion["champion"] != version["candidate"]:
        why = "it is known of the current champion alone"
    elif champion["expected_wape"] is None:
        why = champion["claim_reason"] or "evaluate again"
    else:
        expected, limit = champion["expected_wape"], limits.max_expected_wape
        sentence = f"a WAPE of {expected:,.1f} % is expected on new days, {limit:,.0f} % are allowed"
        return Gate("expected_error", expected <= limit, sentence)
    return Gate("expected_error", passed=None, sentence=f"the expected WAPE is not known: {why}")


def expected_bias(
    version: ModelVersionsOfRow, champion: ChampionsOfRow | None, demand: float | None, limits: Limits
) -> Gate:
    """Absolute bias that is expected on new days against the mean daily ``demand`` of the series."""
    if champion is None or champion["champion"] != version["candidate"] or not demand:
        return Gate("expected_bias", passed=None, sentence="the expected bias is not known")
    if champion["expected_bias"] is None:
        why = champion["claim_reason"] or "evaluate again"
        return Gate("expected_bias", passed=None, sentence=f"the expected bias is not known: {why}")
    relative = abs(champion["expected_bias"]) / demand
    limit = limits.max_relative_bias
    share = f"{100 * relative:,.0f} % of the mean demand"
    sentence = f"{share} are expected on new days, {100 * limit:,.0f} % are allowed"
    return Gate("expected_bias", relative <= limit, sentence)


def stability(version: ModelVersionsOfRow, limits: Limits) -> Gate:
    """Spread of WAPE over the folds."""
    if version["stability"] is None and version["wape"] == 0:
        return Gate("stability", passed=True, sentence="no fold has an error")
    if version["stability"] is None:
        return Gate("stability", passed=False, sentence="its spread over the folds is not known")
    spread, limit = version["stability"], limits.max_stability
    return Gate("stability", spread <= limit, f"WAPE spreads by {spread:,.0f} %, {limit:,.0f} % are allowed")


def recent_window(version: ModelVersionsOfRow, newest: dt.date, limits: Limits) -> Gate:
    """Days between what the version knows and the ``newest`` day of the dataset."""
    last = version["last_day"]
    age = (newest - last).days
    sentence = f"it knows sales up to {last}, {age:,} days before the newest"
    return Gate("recent_window", age <= limits.max_age_days, sentence)


def quality_checks(failed: Sequence[str]) -> Gate:
    """Checks of the dataset that failed with severity ERROR."""
    sentence = f"failed checks: {', '.join(failed)}" if failed else "no check of the dataset failed"
    return Gate("quality_checks", not failed, sentence)


def wape(row: MetricsOfRow | None) -> float | None:
    """The WAPE of a row of metrics, if there is one."""
    return None if row is None else row["wape"]

"""The steps of a showcase that ask what if.

Belongs here: which questions are asked of the pair that is shown, and their answers as plans.
Does not belong here: the answers themselves (``scenarios.plans``) and the other steps (``steps``).
"""

from collections.abc import Mapping

from forecast_assets.forecasting.analysis.whatif import Assumptions, Promotion
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.launches.showcase.context import ShowcaseContext, StepResult
from forecast_assets.scenarios import plans as scenario_plans

ASSUMPTIONS_BY_PLAN: Mapping[str, Assumptions] = {
    "cheaper": Assumptions(price_change=-0.1),
    "promotion": Assumptions(promotion=Promotion.PCT_OFF.value),
}


def tags(workspace: str) -> list[str]:
    """The tags by which the plans of a kept showcase are found."""
    return ["showcase", f"workspace:{workspace}", "source:showcase"]


def plans(context: ShowcaseContext) -> StepResult:
    """Ask what would be sold under other prices and a promotion; a kept run keeps the answers as plans."""
    pair = str(context.pair())
    if read_forecast(context.stores, pair) is None:
        return StepResult("skip", f"{pair} has no forecast to ask about")
    workspace, lines = context.config.workspace_name, []
    for name, assumptions in ASSUMPTIONS_BY_PLAN.items():
        answer = scenario_plans.what_if(context.stores, pair, assumptions, run_id=context.run_id)
        lines.append(f"{name}: {answer.effect.units_delta:+,.1f} units")
        if workspace is not None:
            plan = f"show-{context.run_id}-{name}"
            scenario_plans.save(context.stores, answer, plan, tags(workspace), run_id=context.run_id)
            context.created.setdefault("scenario_plan_ids", []).append(plan)
    kept = "" if workspace is None else "; kept as plans"
    return StepResult("pass", f"{', '.join(lines)}{kept}")


def compare_plans(context: ShowcaseContext) -> StepResult:
    """Rank the plans that were kept."""
    names = context.created.get("scenario_plan_ids", [])
    if not names:
        return StepResult("skip", "no plans were kept")
    best, *_ = scenario_plans.compare(context.stores, names, "units_delta")
    return StepResult("pass", f"{len(names):,} plans compared, most is sold under {best['name']}")

"""The steps of a showcase that ask what if.

Belongs here: which questions are asked of the pair that is shown, and their answers as plans.
Does not belong here: the answers themselves (``champions.planning``) and the other steps (``steps``).
"""

from collections.abc import Mapping

from forecast_assets.forecasting.analysis.whatif import Assumptions, Promotion
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.launches.showcase.context import Bench, Told
from forecast_assets.scenarios import plans as scenario_plans

ASKED: Mapping[str, Assumptions] = {
    "cheaper": Assumptions(price_change=-0.1),
    "promotion": Assumptions(promotion=Promotion.PCT_OFF.value),
}


def tags(workspace: str) -> list[str]:
    """The tags by which the plans of a kept showcase are found."""
    return ["showcase", f"workspace:{workspace}", "source:showcase"]


def plans(bench: Bench) -> Told:
    """Ask what would be sold under other prices and a promotion; a kept run keeps the answers as plans."""
    pair = str(bench.pair())
    if read_forecast(bench.stores, pair) is None:
        return Told("skip", f"{pair} has no forecast to ask about")
    workspace, told = bench.config.workspace_name, []
    for name, assumptions in ASKED.items():
        answer = scenario_plans.what_if(bench.stores, pair, assumptions, run_id=bench.run_id)
        told.append(f"{name}: {answer.effect.units_delta:+,.1f} units")
        if workspace is not None:
            plan = f"show-{bench.run_id}-{name}"
            scenario_plans.save(bench.stores, answer, plan, tags(workspace), run_id=bench.run_id)
            bench.made.setdefault("scenario_plan_ids", []).append(plan)
    kept = "" if workspace is None else "; kept as plans"
    return Told("pass", f"{', '.join(told)}{kept}")


def compare_plans(bench: Bench) -> Told:
    """Rank the plans that were kept."""
    names = bench.made.get("scenario_plan_ids", [])
    if not names:
        return Told("skip", "no plans were kept")
    best, *_ = scenario_plans.compare(bench.stores, names, "units_delta")
    return Told("pass", f"{len(names)} plans compared, most is sold under {best['name']}")

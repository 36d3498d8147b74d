"""Every kind of launched work, and its job.

Belongs here: the list.
Does not belong here: the kinds themselves, and what all have in common (``lifecycle``).
"""

from collections.abc import Mapping
from typing import Any

from forecast_assets.launch_examples import NEWEST
from forecast_assets.launches.batch.champions import BATCH_PROMOTION
from forecast_assets.launches.batch.run import BATCH
from forecast_assets.launches.comparison.run import COMPARISON
from forecast_assets.launches.evaluation import EVALUATION
from forecast_assets.launches.jobs import launch_job
from forecast_assets.launches.kind import LaunchKind
from forecast_assets.launches.pipeline.run import PIPELINE
from forecast_assets.launches.promotions import PROMOTION, ROLLBACK
from forecast_assets.launches.retraining import RETRAINING
from forecast_assets.launches.showcase.run import SHOWCASE

KINDS: Mapping[str, LaunchKind[Any]] = {
    kind.name: kind
    for kind in (
        BATCH,
        COMPARISON,
        PIPELINE,
        SHOWCASE,
        RETRAINING,
        EVALUATION,
        PROMOTION,
        ROLLBACK,
        BATCH_PROMOTION,
    )
}
batch = launch_job(
    BATCH,
    op="Work off all items of a batch, or, as a re-execution, those that failed.",
    job="Score, or make, many models at once: every candidate for every series of a scope.",
    opens_with={"dataset": NEWEST, "scope": "demo"},
)
compare_candidates = launch_job(
    COMPARISON,
    op="Score every candidate of one series, rank them, and say why the best one is the best.",
    job="Compare candidates on one series, with live progress, ranking, charts and explanation.",
    opens_with={"series": NEWEST},
)
model_pipeline = launch_job(
    PIPELINE,
    op="Sweep candidates over a scope and train the best one if it meets the guardrails; publish nothing.",
    job="From a dataset to a trained model: sweep, leaderboard, guardrails, training. Never publishes.",
    opens_with={
        "dataset": NEWEST,
        "scope": "demo",
        "sweep": "quick_baseline_sweep",
        "requested_by": "launchpad",
    },
)
showcase = launch_job(
    SHOWCASE,
    op="Make a preset's sales and show everything that is done with them, step by step.",
    job="Show a preset from its sales to forecasts; kept runs become workspaces.",
    opens_with={"preset": "demo_minimal"},
)
retrain = launch_job(
    RETRAINING,
    op="Evaluate the chosen series anew, reusing nothing, and forecast with their champions.",
    job="Train series again: a list, the head of the retraining queue, or what was requested.",
    opens_with={"dataset": NEWEST, "top": 5, "confirm": ""},
)

"""Drift: whose champion has become worse than it used to be?

Belongs here: the asset ``drift`` (by series), its check and its jobs.
Does not belong here: the work (``detection``) and what is done about it (``reports``).
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from forecast_assets.asset_factories import same_dataset, series_asset
from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.datasets.assets import panel
from forecast_assets.datasets.membership import series_of
from forecast_assets.drift.detection import Alarm, Judged, judge
from forecast_assets.errors import listed
from forecast_assets.failures import RETRY
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.rendering.digits import figure
from forecast_assets.rendering.tables import schema, table
from forecast_assets.series_reports import report_series
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.rows.evaluations import ComparableHistoryRow
from forecast_assets.stores.rows.operations import DriftCountsRow

GROUP = "drift"
DRIFT = dg.AssetKey("drift")
# In the step itself: a check after it would be skipped, since series report themselves.
CHAMPIONS_HOLD = dg.AssetCheckSpec(
    "champions_hold",
    asset=DRIFT,
    description="No champion has become worse, by its newest week or over its evaluations.",
)
_TABLE_COLUMNS = ("latest_wape", "baseline_wape", "chance", "recent_error", "usual_error", "units_at_risk")


class DriftConfig(dg.Config):
    """How to judge."""

    weeks: int = Field(
        default=26, ge=5, le=104, description="Whole weeks, the newest included, that are forecast again."
    )
    alarm: float = Field(
        default=0.10,
        gt=0,
        le=0.5,
        description="Largest share of unchanged series that may be flagged. Below 1 / weeks nobody is.",
    )

    def how(self) -> Alarm:
        """The same as the work takes it."""
        return Alarm(self.weeks, self.alarm)


@series_asset(
    GROUP,
    deps=[CHAMPION, same_dataset(panel)],
    check_specs=[CHAMPIONS_HOLD],
    kinds={"numpy", "postgres"},
    columns=schema(
        drift_direction="string: WAPE of the newest evaluation against comparable ones before",
        verdict="string: the newest week's error ranked among the champion's own past weeks",
        latest_wape="float: percent, of the newest evaluation",
        baseline_wape="float: percent, mean of the evaluations before",
        chance="float: how often an unchanged model looks at least this bad",
        recent_error="float: percent, of the newest week",
        usual_error="float: percent, median of the weeks before",
        units_at_risk="float: units a week missed beyond what is usual",
    ),
)
def drift(
    context: dg.AssetExecutionContext, config: DriftConfig, stores: StoresResource
) -> Iterator[dg.AssetCheckResult]:
    """Whether the champion of one series has become worse, by its evaluations and by its newest week.

    The newest week's error is ranked among the same champion's errors in past weeks, so that the share of
    false alarms is known beforehand.
    """
    judge_and_report(context, stores.open(), list(context.partition_keys), config)
    yield champions_check(stores.open())  # every series has reported itself


def judge_and_report(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    stores: Stores,
    keys: list[str],
    config: DriftConfig,
) -> None:
    """Judge ``keys`` and report every series; an outage is raised as it is."""
    detailed = len(keys) <= environment().detailed_series

    def materialization(judged: Judged) -> Iterator[dg.AssetMaterialization]:
        metadata = _metadata(judged) | (_history(stores, judged.series) if detailed else {})
        yield dg.AssetMaterialization(DRIFT, partition=judged.series, metadata=metadata)

    report_series(
        context, judge(stores, keys, run_id=context.run.run_id, alarm=config.how()), materialization
    )


def _metadata(judged: Judged) -> dict[str, dg.MetadataValue | str | float]:
    row = judged.row
    return {
        "sentence": judged.sentence,
        "drift_direction": str(row["drift_direction"]),
        "verdict": str(row["verdict"]),
        **{name: figure(name, row[name]) for name in _TABLE_COLUMNS if row[name] is not None},
    }


def _history(stores: Stores, series: str) -> dict[str, dg.MetadataValue]:
    rows = stores.warehouse.rows(ComparableHistoryRow, series=[series])
    return {"wape_history": table(rows, ["evaluated_at", "candidate", "wape", "anchor_day"])}


def champions_check(stores: Stores) -> dg.AssetCheckResult:
    """Warn of champions that have become worse, beside the number that chance explains."""
    rows = stores.warehouse.rows(DriftCountsRow)
    judged, flagged = sum(row["judged"] for row in rows), sum(row["flagged"] for row in rows)
    degrading = sum(row["degrading"] for row in rows)
    by_chance = sum(row["by_chance"] for row in rows)
    worst = [f"{row['dataset']}: {listed(row['worst'])}" for row in rows if row["worst"]]
    sentence = (
        f"{flagged:,} of {judged:,} series had a bad newest week, {by_chance:,.1f} are expected by chance; "
        f"{degrading:,} degrade over evaluations"
    )
    return dg.AssetCheckResult(
        asset_key=DRIFT,
        check_name=CHAMPIONS_HOLD.name,
        passed=not flagged and not degrading,
        severity=dg.AssetCheckSeverity.WARN,
        description=sentence + (f". Most units at risk: {'; '.join(worst)}" if worst else ""),
        metadata={
            "datasets": table(
                rows,
                ["dataset", "judged", "flagged", "by_chance", "degrading", "unknown", "units_at_risk"],
            ),
            "next_step": "see retraining_queue, or list them with `forecast-assets export drift DATASET`",
        },
    )


class DatasetDriftConfig(DriftConfig):
    """Which dataset, and how to judge."""

    dataset: str = Field(description="Name of the dataset whose series are judged.")


@dg.op(retry_policy=RETRY)
def judge_dataset(
    context: dg.OpExecutionContext, config: DatasetDriftConfig, stores: StoresResource
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """Judge every series of a dataset, wherever they lie in the partition set."""
    keys = series_of(stores.open(), config.dataset)
    judge_and_report(context, stores.open(), keys, config)
    warning = champions_check(stores.open())
    yield dg.AssetCheckEvaluation(
        asset_key=DRIFT,
        check_name=CHAMPIONS_HOLD.name,
        passed=warning.passed,
        severity=warning.severity,
        description=warning.description,
        metadata=warning.metadata,
    )
    yield dg.Output(None)


@dg.job(config=example("judge_dataset", dataset=NEWEST))
def judge_drift() -> None:
    """Judge the drift of all series of a dataset in one run."""
    judge_dataset()


drift_series = dg.define_asset_job(
    "drift_series",
    selection=dg.AssetSelection.assets(drift),
    description="Judge the drift of a range of series, with its check.",
)

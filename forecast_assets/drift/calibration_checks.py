"""The check of live distributions: do intervals and stock keep what they say?

Belongs here: the check of the asset ``forecast_accuracy``.
Does not belong here: what it measures (``calibration``).
"""

import dagster as dg

from forecast_assets.drift.accuracy_assets import forecast_accuracy
from forecast_assets.drift.calibration import measure
from forecast_assets.forecasting.analysis.calibration import TOLERANCE, Verdict
from forecast_assets.partitions import DATASETS
from forecast_assets.rendering.numbers import plural
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import StoresResource

_DAYS, _ALARM = 182, 0.10
_COLUMNS = ("promise", "level", "achieved", "missed", "weeks", "chance", "holds")


@dg.asset_check(asset=forecast_accuracy, partitions_def=DATASETS)
def distributions_hold(context: dg.AssetCheckExecutionContext, stores: StoresResource) -> dg.AssetCheckResult:
    """Warn when intervals or stock of stored forecasts are off by more than two points and chance explains.

    Weeks are the sample; of promises that are kept at most a tenth is flagged.
    """
    verdicts = measure(stores.open(), context.partition_key, days=_DAYS, alarm=_ALARM)
    broken = [one for one in verdicts if one.holds is False]
    return dg.AssetCheckResult(
        passed=not broken,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(map(_sentence, verdicts)),
        metadata={
            "promises": table([_row(one) for one in verdicts], _COLUMNS),
            "false_alarms": f"at most {100 * _ALARM:,.0f} % of promises that are kept are flagged by chance",
            "next_step": "evaluate the dataset again, so that its distributions learn from the newest folds"
            if broken
            else "none",
        },
    )


def _sentence(one: Verdict) -> str:
    if one.level is None or one.achieved is None or one.chance is None:
        return f"{one.name}: no day of any forecast has come yet"
    levels = f"{100 * one.achieved:,.1f} % instead of {100 * one.level:,.1f} %"
    text = f"{one.name}: {levels} in {plural(one.weeks, 'week')}"
    if one.holds is None:
        return f"{text}, too few weeks to tell"
    if one.missed == 0:
        return f"{text}, which ties of zeros and whole units explain" if one.achieved != one.level else text
    reason = f"a kept promise is so far off in {100 * one.chance:,.0f} % of cases"
    return f"{text}, {reason}" if abs(one.missed or 0) > TOLERANCE else f"{text}, within two points"


def _row(one: Verdict) -> dict[str, object]:
    return {"promise": one.name, **{name: getattr(one, name) for name in _COLUMNS[1:]}}

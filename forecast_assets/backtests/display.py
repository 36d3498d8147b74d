"""What Dagit shows of an evaluated series.

Belongs here: metadata of the assets ``backtest`` and ``champion``, brief in large runs, rich in small ones.
Does not belong here: the numbers (``results``) and the drawing (``rendering``).
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg
import numpy as np

from forecast_assets.backtests.fold_store import Folds, read_folds
from forecast_assets.backtests.lead_ranges import against_baselines, by_range
from forecast_assets.backtests.results import Outcome
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.series_names import ids_of
from forecast_assets.forecasting.core.metrics import METRICS
from forecast_assets.keys import SeriesKey
from forecast_assets.rendering import plots
from forecast_assets.rendering.addresses import own_page
from forecast_assets.rendering.budget import NOT_DRAWN
from forecast_assets.rendering.digits import figure
from forecast_assets.rendering.markdown import cell, markdown
from forecast_assets.rendering.tables import filled, schema, table
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import ChampionHistoryRow, CurrentResultsRow, LeaderboardRow

# The ids of more are no tag that a person can read.
_FEW = 5
BACKTEST_COLUMNS = schema(
    rank="int: 1 is the best; empty where the candidate cannot be ranked",
    candidate="string: model type",
    **{name: f"float: {metric.meaning}; {metric.unit}, mean over folds" for name, metric in METRICS.items()},
    sample_size="int: scored days",
    stability="float: spread of WAPE over folds in percent of its mean",
    reason="string: why there is no rank",
)
CHAMPION_COLUMNS = schema(
    champion="string: best candidate, empty when none could be ranked",
    wape="float: its WAPE in percent, mean over folds",
    bias="float: units a period, actual minus forecast, mean over folds",
    expected_wape="float: percent, what new days are expected to bring; empty where it is not known",
    expected_bias="float: units a period, what new days are expected to bring",
    skill_vs_seasonal_naive="float: percent by which its WAPE is below seasonal naive's",
    confidence="string: high, medium or low",
    reason="string: one sentence",
)
# What fits beside the list of partitions; exports hold all metrics.
_LEADERBOARD = ["rank", "candidate", "wape", "smape", "mae", "bias", "rmse", "reason"]
_HISTORY = ["chosen_at", "champion", "wape", "confidence"]
_BY_LEAD = ["candidate", "lead", "wape", "mae", "bias"]
_HISTORY_SHOWN = 10

MetadataCell = dg.MetadataValue | str | float | int | bool
Metadata = dict[str, dict[str, MetadataCell]]


def brief(outcome: Outcome) -> Metadata:
    """A handful of numbers and one sentence, cheap enough for tens of thousands of series."""
    backtest: dict[str, MetadataCell] = {"outcome": outcome.outcome, "folds": outcome.folds}
    champion: dict[str, MetadataCell] = {"sentence": outcome.sentence}
    if outcome.champion is not None:
        champion |= {"champion": outcome.champion, "confidence": outcome.confidence or "low"}
    for name, value in (
        ("wape", outcome.wape),
        ("bias", outcome.bias),
        ("expected_wape", outcome.expected_wape),
        ("expected_bias", outcome.expected_bias),
        ("skill_vs_seasonal_naive", outcome.skill),
    ):
        if value is not None:
            champion[name] = figure(name, value)
    if outcome.outcome != "scored":
        backtest["sentence"] = outcome.sentence
    if outcome.reused:
        backtest["reused_from_run"] = champion["reused_from_run"] = outcome.run_id
    return {"backtest": backtest, "champion": champion}


def detailed(stores: Stores, outcome: Outcome, *, draws: bool = True) -> Metadata:
    """Leaderboard, plot where it ``draws``, explanation and history of one series."""
    metadata = brief(outcome)
    if outcome.outcome != "scored":
        return metadata
    (dataset, _, _) = outcome.series.split("__")
    rows = stores.warehouse.rows(LeaderboardRow, dataset=dataset, series=[outcome.series])
    metadata["backtest"]["leaderboard"] = table(rows, filled(rows, _LEADERBOARD))
    metadata["backtest"]["availability"] = outcome.availability
    ranked = [row["candidate"] for row in rows if row["rank"] is not None]
    folds = read_folds(stores, outcome.series)
    picture = _plot(stores, folds, outcome.series, ranked[:2]) if draws else NOT_DRAWN
    metadata["backtest"]["actual_and_forecast"] = dg.MetadataValue.md(picture)
    if folds is not None:
        metadata["backtest"]["by_lead"] = table(_by_lead(folds, ranked), _BY_LEAD)
    if compared := against_baselines(rows, outcome.champion or ""):
        metadata["champion"]["percent_better_than"] = table(compared, list(compared[0]))
    result = stores.warehouse.row(CurrentResultsRow, series=[outcome.series])
    history = stores.warehouse.rows(ChampionHistoryRow, series=outcome.series)[:_HISTORY_SHOWN]
    if result is not None and result["explanation"] is not None:
        metadata["champion"]["explanation"] = dg.MetadataValue.md(worded(result["explanation"]))
    metadata["champion"]["history"] = dg.MetadataValue.md(markdown(history, _HISTORY))
    run_ids = {row["run_id"]: None for row in history}
    links = " · ".join(f"[run {run_id[:8]}]({own_page(f'/runs/{run_id}')})" for run_id in run_ids)
    metadata["champion"]["runs"] = dg.MetadataValue.md(links or "none")
    candidates = own_page(f"/assets/backtest?view=partitions&partition={outcome.series}")
    metadata["champion"]["backtest"] = dg.MetadataValue.md(
        f"[all candidates of {outcome.series}]({candidates})"
    )
    return metadata


def _by_lead(folds: Folds, ranked: list[str]) -> list[dict[str, object]]:
    return [
        {"candidate": label, "lead": lead, **values}
        for label in ranked
        if label in folds.forecasts
        for lead, values in by_range(folds, label).items()
    ]


def _plot(stores: Stores, folds: Folds | None, series: str, ranked: list[str]) -> str:
    if folds is None:
        return "no fold forecasts are stored"
    names = ranked or list(folds.forecasts)[:1]
    frequency = load(stores, SeriesKey.parse(series).dataset).options.period
    return called(stores, series) + plots.fold_plot(
        f"{series}: actual and the best candidates over the folds",
        [frequency.dates(dt.date.fromisoformat(day), 0, folds.actual.shape[1]) for day in folds.first_days],
        np.where(folds.counted[:, None], folds.actual, np.nan),
        {name: folds.forecasts[name] for name in names},
    )


def ids_metadata(stores: Stores, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Store and product id as metadata of every series whose key does not say them."""
    datasets = {SeriesKey.parse(key).dataset for key in keys}
    by_series = {key: ids for name in datasets for key, ids in ids_of(stores, name, keys).items()}
    return {key: {"store_id": store, "product_id": product} for key, (store, product) in by_series.items()}


def ids_tags(called: Mapping[str, Mapping[str, str]], keys: Sequence[str]) -> dict[str, str]:
    """Tags that find the run of a few series by the ids of their source; none where the keys say them.

    ``called`` holds store and product id by series, as ``ids_metadata`` returns them.
    """
    if len(keys) > _FEW:
        return {}
    ids = [called[key] for key in keys if key in called]
    names = ("store_id", "product_id") if ids else ()
    return {f"forecast/{name}": ", ".join(dict.fromkeys(one[name] for one in ids)) for name in names}


def called(stores: Stores, series: str) -> str:
    """A heading with the ids of a series as its source writes them; nothing where the key says them."""
    ids = ids_of(stores, SeriesKey.parse(series).dataset, [series]).get(series)
    return f"**{cell(ids[0])}: {cell(ids[1])}**\n\n" if ids else ""


def worded(explanation: dict[str, object]) -> str:
    """An explanation as Markdown."""
    lines = [f"**{cell(explanation['headline'])}**", ""]
    winner, comparison = explanation["winner"], explanation["comparison"]
    if isinstance(winner, dict):
        lines.append(f"- {cell(winner['model'])}: {cell(winner['metrics'])}")
    if isinstance(comparison, dict):
        lines.append(f"- {cell(comparison['runner_up'])}: {cell(comparison['runner_up_metrics'])}")
        lines.append(f"- {cell(comparison['lead'])}")
    lines.append(f"- confidence {cell(explanation['confidence'])}: {cell(explanation['confidence_reason'])}")
    if "policy" in explanation:  # older choices were explained without
        lines.append(f"- chosen by {cell(explanation['policy'])}")
    for heading in ("data_notes", "caveats"):
        notes = explanation[heading]
        lines += [f"- {cell(note)}" for note in (notes if isinstance(notes, list) else [])]
    return "\n".join(lines)

"""Counts what a home holds: steps, events and partitions of Dagster, outcomes in the warehouse."""

import json
from collections import Counter

import dagster as dg
import sqlalchemy as sa

from forecast_assets.stores.database import dagster_url
from forecast_assets.stores.resource import open_stores
from forecast_assets.stores.rows.evaluations import CurrentResultsRow


def main() -> None:
    """Print everything as one JSON object."""
    instance = dg.DagsterInstance.get()
    steps = [
        {"key": step.step_key, "start": step.start_time, "end": step.end_time}
        for run in instance.get_runs()
        for step in instance.get_run_step_stats(run.run_id)
    ]
    keys = list(instance.get_dynamic_partitions("series"))
    results = open_stores().warehouse.frame(CurrentResultsRow, series=keys)
    with sa.create_engine(dagster_url()).connect() as connection:
        events = connection.scalar(sa.text("select count(*) from event_logs"))
    report = {
        "steps": steps,
        "green": {
            name: len(instance.get_materialized_partitions(dg.AssetKey(name)))
            for name in ("backtest", "champion", "forecast")
        },
        "events": events,
        "outcomes": Counter(results["outcome"].to_list()),
        "with_champion": results["champion"].count(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()

"""What does it cost to judge the drift of every series, with its rows, events and check?

    python benchmarks/drift.py [--series N] [--days D]

Evaluates generated sales, then runs the job ``judge_drift`` as the sensor would. Prints a table, and as its
last line one JSON object with every figure.
"""

import argparse
import json

from scaling.home import DATASET, Home, evaluated

_JUDGE = f"""
import dagster as dg
from forecast_assets.definitions import defs
config = {{"ops": {{"judge_dataset": {{"config": {{"dataset": "{DATASET}"}}}}}}}}
job = defs.resolve_job_def("judge_drift")
with dg.DagsterInstance.get() as instance:
    assert job.execute_in_process(instance=instance, run_config=config).success
"""


def main() -> None:
    """Measure, tell, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--series", type=int, default=30_490)
    parser.add_argument("--days", type=int, default=400)
    arguments = parser.parse_args()
    with evaluated(arguments.series, arguments.days) as (home, series):
        report = {"series": series, **_judged(home)}
    for name, value in report.items():
        print(f"{name:40s}{value:12,.2f}")
    print(json.dumps(report))


def _judged(home: Home) -> dict[str, float]:
    judged = home.run("-c", _JUDGE)
    event_counts = json.loads(home.run("-m", "scaling.event_counts").output)
    (step,) = [one for one in event_counts["steps"] if one["key"] == "judge_dataset"]
    cost = judged.timeline.between(step["start"], step["end"])
    return {
        "judge_s": cost.wall_s,
        "judge_python_cpu_s": cost.python_cpu_s,
        "judge_postgres_cpu_s": cost.postgres_cpu_s,
        "peak_mb": judged.cost.peak_mb,
    }


if __name__ == "__main__":
    main()

"""What does a live model cost, and what would it cost MLflow's usual way?

    python benchmarks/registry.py [--series N] [--days D] [--sample N]

Evaluates generated sales, registers every champion, registers the unchanged ones again, and promotes them
all, as a person would; beside it, `log_model` for a sample of series in the same store.
Prints a table, and as its last line one JSON object with every figure.
"""

import argparse
import json

from scaling.home import DATASET, Home, evaluated
from scaling.meters import Cost

# One pyfunc model per series, with its requirements given: the cheapest way that MLflow's guide shows.
_USUAL = """
import sys, tempfile, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
from forecast_assets.stores.mlflow_backend import tracking_uri
uri = tracking_uri()
mlflow.set_tracking_uri(uri); mlflow.set_registry_uri(uri)
mlflow.create_experiment("usual", artifact_location=tempfile.mkdtemp()); mlflow.set_experiment("usual")
class Mean(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input
for n in range(int(sys.argv[1])):
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="model", python_model=Mean(), pip_requirements=["numpy"], registered_model_name=f"usual__{n}"
        )
    mlflow.MlflowClient().set_registered_model_alias(f"usual__{n}", "challenger", "1")
"""
_BASE = 1  # models that are logged to know what starting costs


def main() -> None:
    """Measure, tell, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--series", type=int, default=3_049)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--sample", type=int, default=300, help="series registered the usual way")
    arguments = parser.parse_args()
    with evaluated(arguments.series, arguments.days) as (home, series):
        report = _measured(home, series, arguments.sample)
    for name, value in report.items():
        print(f"{name:40s}{value:12,.2f}")
    print(json.dumps(report))


def _measured(home: Home, series: int, sample: int) -> dict[str, float]:
    first = ("-m", "forecast_assets", "register", DATASET, "--series", _first(home))
    home.run(*first)  # makes MLflow's tables
    start = home.run(*first).cost
    new = home.run("-m", "forecast_assets", "register", DATASET).cost
    same = home.run("-m", "forecast_assets", "register", DATASET).cost
    agreed = [
        word
        for name in ("override", "worse_wape", "feature_frame", "gates")
        for word in ("--acknowledge", name)
    ]
    decision = ("--apply", "--confirm", DATASET, "--approved-by", "benchmark", *agreed)
    live = home.run("-m", "forecast_assets", "promote", DATASET, *decision).cost
    base = home.run("-c", _USUAL, str(_BASE)).cost
    usual = home.run("-c", _USUAL.replace('"usual"', '"more"').replace("usual__", "more__"), str(sample)).cost
    new_ms, same_ms = _each(new, start, series), _each(same, start, series)
    usual_ms = _each(usual, base, sample - _BASE)
    return {
        "series": series,
        "starting_s": start.wall_s,
        "register_new_s": new.wall_s,
        "register_new_cpu_ms": new_ms,
        "register_unchanged_s": same.wall_s,
        "register_unchanged_cpu_ms": same_ms,
        "promote_s": live.wall_s,
        "promote_cpu_ms": _each(live, start, series),
        "log_model_cpu_ms": usual_ms,
        "ratio_to_log_model": new_ms / usual_ms,
    }


def _first(home: Home) -> str:
    listed = home.run("-m", "forecast_assets", "export", "champions", DATASET, "--format", "json").output
    return str(json.loads(listed)[0]["series"])


def _each(cost: Cost, start: Cost, count: int) -> float:
    """Processor milliseconds per series beyond those of starting."""
    return 1000 * max(cost.cpu_s - start.cpu_s, 0.001) / count


if __name__ == "__main__":
    main()

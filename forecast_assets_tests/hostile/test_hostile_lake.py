"""Whoever may write to the lake may spoil numbers, but not run code here."""

import ast
import pickle
from pathlib import Path

import pytest

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.errors import ForecastError
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets.global_models import production
from forecast_assets_tests.scenario import many

PACKAGE = Path(__file__).parents[2] / "forecast_assets"
# Each of them runs whatever a file tells it to.
EXECUTING = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "skops"}
LEARNED = "lightgbm(n_estimators=10)"
GLOBAL = EvaluationSettings(
    candidates=("naive", LEARNED), default_model=LEARNED, horizon=7, n_splits=2, min_train=14
)


class Payload:
    """Makes a file as soon as somebody unpickles it."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


def test_a_pickle_in_the_place_of_any_file_is_refused_and_never_run(place, tmp_path, monkeypatch):
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    place.prepare("many", many(8), evaluation=GLOBAL)
    first, last = "many__S0__P000", "many__S3__P007"
    assert place.evaluate(first, last).success
    production.build(place.stores, load(place.stores, "many"), run_id="production")
    assert [forecast.outcome for forecast in make_forecasts(place.stores, [first], run_id="night")] == [
        "forecast"
    ]

    canary = tmp_path / "canary"
    payload = pickle.dumps(Payload(canary))
    pickle.loads(payload)  # noqa: S301 - our own
    assert canary.exists(), "the payload works where it is loaded"
    canary.unlink()

    planted = place.files()
    assert any(path.endswith(".json.gz") for path in planted)
    for path in planted:
        place.stores.lake.write_bytes(path, payload)
    with pytest.raises(ForecastError):
        read_panel(place.stores, load(place.stores, "many"))
    with pytest.raises(ForecastError):
        list(make_forecasts(place.stores, [first], run_id="next", force=True))
    assert not canary.exists()


def test_no_module_can_load_what_executes():
    places = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                named = {(node.module or "").partition(".")[0]}
            elif isinstance(node, ast.Call):
                named = {word.arg for word in node.keywords if word.arg == "allow_pickle"}
                named |= {getattr(node.func, "id", "")} & {"eval", "exec", "compile", "__import__"}
            else:
                continue
            if named & (EXECUTING | {"allow_pickle", "eval", "exec", "compile", "__import__"}):
                places.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert places == []

"""Registered champions: files that forecast by themselves, versions that are made once, honest overrides."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forecast_assets.datasets.definition import load
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets.forecasts.store import read_forecasts
from forecast_assets.global_models import production
from forecast_assets.registry.override import Override
from forecast_assets.registry.registration import register
from forecast_assets.registry.saving import artifact_hash
from forecast_assets.registry.verification import verified
from forecast_assets.stores.registry import open_registry
from forecast_assets_tests.scenario import many

QUICK_TREES = "lightgbm(n_estimators=10)"
SETTINGS = EvaluationSettings(
    candidates=("naive", "ets", QUICK_TREES), horizon=7, n_splits=3, min_train=14, default_model=QUICK_TREES
)
# Whoever loads a model: nothing of this project is installed there but what the bundle brings along.
READER = """
import json, sys
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_registry_uri(sys.argv[1])
answers, quantiles = [], []
for name, series in json.loads(sys.argv[2]):
    model = mlflow.pyfunc.load_model(name)
    answers.append(model.predict(pd.DataFrame({"series": series})).to_dict("list"))
    chosen = model.predict(pd.DataFrame({"series": series}), params={"quantiles": [0.9, 0.5, 0.333]})
    quantiles.append(chosen.to_dict("list"))
import forecast_assets
loaded = [name for name in sys.modules if name.split(".")[0] in {"dagster", "typer", "pydantic_settings"}]
report = {"answers": answers, "quantiles": quantiles, "code": forecast_assets.__file__, "loaded": loaded}
print(json.dumps(report, default=str))
"""


@pytest.fixture(scope="module")
def judged(registered_place):
    place = registered_place
    young = many(1, days=60, dataset="many").with_columns(product_id=pl.lit("P999")).tail(9)
    place.prepare("many", pl.concat([many(16), young]), evaluation=SETTINGS)
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    # Some series by a candidate of their own, the others by the model of all.
    assert place.evaluate("many__S3__P012", "many__S3__P015", candidates=["naive", "ets"]).success
    production.build(place.stores, load(place.stores, "many"), run_id="models")
    list(make_forecasts(place.stores, keys, run_id="forecasts"))
    return place


@pytest.fixture(scope="module")
def keys(judged):
    return sorted(row["series"] for row in judged.table("champion") if row["champion"])


@pytest.fixture(scope="module")
def registry(judged):
    assert judged.stores
    return open_registry()


@pytest.fixture(scope="module")
def first(judged, registry, keys):
    """The outcomes of registering everything for the first time."""
    young = "many__S0__P999"
    return {one.series: one for one in register(judged.stores, registry, [*keys, young], run_id="first")}


def test_every_champion_becomes_a_version_that_challenges_and_nothing_becomes_live(registry, keys, first):
    assert {one.series for one in first.values() if one.outcome == "registered"} == set(keys)
    assert first["many__S0__P999"].outcome == "none"
    assert registry.aliases(keys) == {key: {"challenger": 1} for key in keys}
    version = registry.version(keys[0], 1)
    assert version is not None
    row = first[keys[0]].row
    assert row is not None
    for name in ("candidate", "snapshot", "artifact_sha256", "code_version"):
        assert version.tags[name] == str(row[name])
    assert json.loads(version.tags["metrics"])["wape"] == row["wape"]


def test_a_process_that_has_only_mlflow_forecasts_exactly_what_the_asset_says(judged, registry, keys, first):
    trees = next(key for key in keys if first[key].row["candidate"] == QUICK_TREES)
    other = next(key for key in keys if first[key].row["candidate"] != QUICK_TREES)
    requests = [[f"models:/{trees}@challenger", [trees]], [f"models:/{other}@challenger", [other]]]
    whole = first[trees].row
    requests.append([f"runs:/{whole['mlflow_run']}/{whole['path']}", _members(first, whole["path"])])
    done = subprocess.run(
        [sys.executable, "-c", READER, registry.uri, json.dumps(requests)],
        capture_output=True,
        text=True,
        check=False,
        cwd=judged.folder,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert "/code/forecast_assets/" in answer["code"]
    assert answer["loaded"] == []
    for (_, series), forecast in zip(requests, answer["answers"], strict=True):
        stored = list(read_forecasts(judged.stores, "many", series))
        for name in ("units", "lower_80", "upper_95"):
            expected = np.concatenate(
                [one.arrays[name] for one in sorted(stored, key=lambda one: one.series)]
            )
            np.testing.assert_array_equal(np.array(forecast[name], np.float32), expected)
    for forecast, chosen in zip(answer["answers"], answer["quantiles"], strict=True):
        assert list(chosen) == ["series", "date", "units", "median", "q333", "q50", "q90"]
        assert (chosen["q50"], chosen["q90"]) == (forecast["q50"], forecast["q90"])
        between = zip(forecast["q30"], chosen["q333"], forecast["q40"], strict=True)
        assert all(low <= middle <= high for low, middle, high in between)


def test_loading_leaves_no_bytecode_and_the_files_stay_what_was_registered(registry, keys, first, tmp_path):
    row = first[keys[0]].row
    with registry.files(row["mlflow_run"], row["path"]) as files:
        model = shutil.copytree(files, tmp_path / "model")
    command = [sys.executable, "-c", READER, registry.uri, json.dumps([[str(model), [keys[0]]]])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert str(model) in done.stdout, "the code of the bundle ran"
    assert not [path for path in model.rglob("__pycache__") if path.is_dir()]
    assert not list(model.rglob("*.pyc"))
    assert artifact_hash(model) == row["artifact_sha256"]
    assert all(gate.passed for gate in verified(registry, [row]).values())


def plant_bytecode(model: Path) -> None:
    """Put bytecode where Python looks for it first, as somebody who may write to the lake could."""
    marker = model / "code" / "forecast_assets" / "__pycache__"
    marker.unlink()
    marker.mkdir()
    (marker / f"__init__.{sys.implementation.cache_tag}.pyc").write_bytes(b"evil")


@pytest.mark.parametrize(
    "plant",
    [
        plant_bytecode,
        lambda model: (model / "code" / "forecast_assets" / "errors.abi3.so").write_bytes(b"evil"),
        lambda model: (model / "code" / "numpy.py").write_text("evil"),
        lambda model: (model / "code" / "pandas").symlink_to("..", target_is_directory=True),
        lambda model: (model / "code" / ".hidden").write_text("evil"),
        lambda model: os.mkfifo(model / "data" / "pipe"),
        lambda model: (model / "code" / "registered_model_meta").write_text("evil"),
        lambda model: (model / "code" / "forecast_assets" / "__pycache__").unlink(),
    ],
)
def test_no_file_of_a_bundle_can_be_added_or_taken_away_unseen(plant, registry, keys, first, tmp_path):
    row = first[keys[0]].row
    with registry.files(row["mlflow_run"], row["path"]) as files:
        model = shutil.copytree(files, tmp_path / "model")
    assert artifact_hash(model) == row["artifact_sha256"]
    plant(model)
    assert artifact_hash(model) != row["artifact_sha256"]


def _members(first, path):
    return sorted(key for key, one in first.items() if one.row is not None and one.row["path"] == path)


def test_unchanged_series_are_not_registered_again(judged, registry, keys, first):
    assert first
    again = list(register(judged.stores, registry, keys, run_id="again"))
    assert {one.outcome for one in again} == {"unchanged"}
    assert registry.aliases(keys) == {key: {"challenger": 1} for key in keys}
    assert len(registry.versions(keys[0])) == 1


def test_an_override_carries_its_own_metrics_and_says_what_is_given_up(judged, registry, keys, first):
    key = next(key for key in keys if first[key].row["candidate"] == QUICK_TREES)
    override = Override("naive", "the planner knows of a strike")
    (registration,) = register(judged.stores, registry, [key], run_id="override", override=override)
    own = next(
        row for row in judged.table("backtest_metric") if (row["series"], row["candidate"]) == (key, "naive")
    )
    assert registration.row is not None
    assert (registration.row["wape"], registration.row["bias"]) == (own["wape"], own["bias"])
    assert registration.row["is_override"]
    gap = own["wape"] - first[key].row["wape"]
    assert f"{gap:+.2f} percentage points" in str(registration.row["warning"])
    assert registry.aliases([key])[key] == {"challenger": 2}
    list(register(judged.stores, registry, [key], run_id="back"))
    assert registry.aliases([key])[key] == {"challenger": 1}


def test_an_override_without_a_reason_or_that_was_no_candidate_is_refused(judged, registry, keys):
    with pytest.raises(BadSetting, match="reason"):
        Override("naive", " ")
    with pytest.raises(BadSetting, match="was no candidate"):
        list(register(judged.stores, registry, keys[:1], run_id="x", override=Override("tsb", "because")))

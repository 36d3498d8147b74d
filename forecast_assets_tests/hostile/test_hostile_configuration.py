"""Run configuration that cannot mean anything is refused, names its field, and writes nothing."""

import dagster as dg
import pytest

from forecast_assets_tests.scenario import HEALTHY, shop


@pytest.fixture(scope="module")
def built(open_place, tmp_path_factory):
    with open_place(tmp_path_factory.mktemp("configuration")) as place:
        place.add("shop", shop())
        assert place.build("shop").success
        yield place


def words(place, **config: object) -> str:
    """What a planner reads when a run is launched with ``config``."""
    try:
        result = place.evaluate(HEALTHY, **config)
    except (dg.DagsterInvalidConfigError, dg.DagsterError, ValueError) as error:
        return str(error)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    return str(failure.step_failure_data.error)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"horizon": 0}, "horizon"),
        ({"horizon": -1}, "horizon"),
        ({"horizon": 91}, "horizon"),
        ({"horizon": 10**9}, "horizon"),
        ({"horizon": "14"}, "horizon"),
        ({"n_splits": 1}, "n_splits"),
        ({"n_splits": 21}, "n_splits"),
        ({"gap": 31}, "gap"),
        ({"gap": 7, "horizon": 7}, "horizon"),
        ({"min_train": 6}, "min_train"),
        ({"step": 0}, "step"),
        ({"strategy": "growing"}, "strategy"),
        ({"ranking_metric": "mape"}, "ranking_metric"),
        ({"horizn": 7}, "horizn"),
        ({"candidates": []}, "no candidate is named"),
        ({"candidates": ["naive", "naive"]}, "is named twice"),
        ({"candidates": ["prophecy"]}, "candidate 'prophecy' is unknown"),
        ({"candidates": [f"c{n}" for n in range(11)]}, "11 candidates are named"),
        ({"candidates": "naive"}, "candidates"),
        ({"force": "yes"}, "force"),
    ],
    ids=str,
)
def test_impossible_configuration_names_its_field_and_writes_nothing(built, config, message):
    assert message in words(built, **config)
    assert built.table("evaluation") == []
    assert built.table("champion") == []


def test_nothing_given_means_what_the_dataset_says(built):
    assert built.evaluate(HEALTHY, horizon=None).success
    (row,) = built.table("evaluation")
    assert row["horizon"] == 7

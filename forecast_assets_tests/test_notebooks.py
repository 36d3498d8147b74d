"""The notebooks run from top to bottom after a demo, and are stored with their pictures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from forecast_assets.drift.detection import judge
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets_tests.scenario import Place, many

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
LARGEST = 1_000_000
# The demo's name with a fraction of its sales.
DEMO = EvaluationSettings(candidates=("naive", "seasonal_naive", "moving_average"), horizon=7, n_splits=3)


@pytest.fixture(scope="module")
def demo(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with open_place(tmp_path_factory.mktemp("demo")) as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_DETAILED_SERIES", "0")  # no pictures but those of the notebooks
        place.prepare("bakery", many(6, 120, "bakery"), evaluation=DEMO)
        assert place.evaluate_changed("bakery").success
        keys = [row["series"] for row in place.table("series")]
        assert all(one.outcome == "forecast" for one in make_forecasts(place.stores, keys, run_id="demo"))
        assert len(list(judge(place.stores, keys, run_id="demo"))) == len(keys)
        yield place


def test_the_four_notebooks_are_stored_with_what_they_show():
    assert [path.stem for path in NOTEBOOKS] == [
        *("first_forecast", "plan_a_batch", "what_drifted", "why_this_champion"),
    ]
    assert sum(path.stat().st_size for path in NOTEBOOKS) < LARGEST
    for path in NOTEBOOKS:
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)], path.name
        outputs = [output for cell in cells for output in cell.outputs]
        assert any("image/png" in output.get("data", {}) for output in outputs), path.name
        assert {output.output_type for output in outputs} <= {"display_data", "execute_result", "stream"}


@pytest.mark.filterwarnings("default")  # zmq and asyncio have their own about event loops
def test_every_cell_runs_and_the_last_one_of_each_shows_something(demo, monkeypatch):
    """In one kernel, emptied between notebooks: starting one costs more than all cells together."""
    monkeypatch.setenv("DAGSTER_HOME", str(demo.folder))
    books = [nbformat.read(path, as_version=4) for path in NOTEBOOKS]
    together = nbformat.v4.new_notebook(metadata=books[0].metadata)
    for book in books:
        together.cells += [nbformat.v4.new_code_cell("%reset -f"), *book.cells]
    NotebookClient(together, timeout=120, resources={"metadata": {"path": str(demo.folder)}}).execute()
    last_outputs = [[cell for cell in book.cells if cell.cell_type == "code"][-1].outputs for book in books]
    assert all(outputs for outputs in last_outputs)
    assert "evaluate_stale_series" in last_outputs[1][0]["text"]
    assert "image/png" in last_outputs[0][-1]["data"]

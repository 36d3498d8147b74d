"""The experiment that finds who knows the future, tried on one who does."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pytest

from forecast_assets.forecasting.analysis.leakage import leaks, scrambled
from forecast_assets.forecasting.core.candidates.catalogue import CATALOGUE, local
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.global_model import GlobalSettings, fit
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets_tests.forecasting.awkward import awkward_units

DAYS = 120
PLAN = FoldPlan(horizon=7, n_splits=3, min_train=30, gap=2)
CUTOFFS = PLAN.cutoffs(DAYS)
SHIPPED = {
    name: local(name) for name, entry in CATALOGUE.items() if entry.scope == "series" and not entry.foreign
}


@pytest.fixture(scope="module")
def panel() -> Panel:
    units = awkward_units(seed=5, days=DAYS)
    promo = np.tile(np.arange(DAYS + 7) % 5 == 0, (len(units), 1)).astype(np.float32)
    series = np.array([f"d__S__P{row:02d}" for row in range(len(units))])
    return Panel(series, date(2026, 1, 1), units, {"promo": promo}, {})


@dataclass(frozen=True)
class Peeking:
    """Forecasts the mean of some days from ``offset`` after the cutoff on."""

    offset: int
    name: str = "peeking"

    def predict(self, panel, cutoffs, horizon, window=None):  # noqa: ARG002 - the protocol has it
        days = np.nan_to_num(panel.units[:, cutoffs + self.offset])
        return np.repeat(days[:, :, None], horizon, axis=2)


def test_what_we_ship_passes(panel):
    assert list(leaks(panel, CUTOFFS, PLAN, SHIPPED, {})) == []


@pytest.mark.parametrize("offset", [0, 1, 8])
def test_one_who_peeks_is_found_in_every_fold_however_far_it_looks(panel, offset):
    leaking_folds = list(leaks(panel, CUTOFFS, PLAN, {**SHIPPED, "peeking": Peeking(offset)}, {}))
    assert leaking_folds == [("peeking", 0), ("peeking", 1), ("peeking", 2)]


def test_the_last_visible_day_may_be_read(panel):
    assert list(leaks(panel, CUTOFFS, PLAN, {"peeking": Peeking(-1)}, {})) == []


def test_a_global_model_passes_and_one_of_a_later_cutoff_is_found(panel):
    quick = GlobalSettings(n_estimators=5, max_rows=2_000, train_days=60)
    models = [fit(panel, int(cutoff), 9, quick, threads=1) for cutoff in CUTOFFS]
    assert list(leaks(panel, CUTOFFS, PLAN, {}, {"lightgbm": models})) == []
    late = [models[1], models[1], models[2]]
    assert list(leaks(panel, CUTOFFS, PLAN, {}, {"lightgbm": late})) == [("lightgbm", 0)]


def test_scrambling_changes_observed_days_after_the_cutoff_only(panel):
    other = scrambled(panel, 100)
    assert other.units[:, :100].tobytes() == panel.units[:, :100].tobytes()
    seen = ~np.isnan(panel.units[:, 100:])
    assert (other.units[:, 100:][seen] == 1e6).all()
    assert np.isnan(other.units[:, 100:][~seen]).all()
    assert other.known["promo"] is panel.known["promo"]


def test_scrambling_changes_what_lies_beyond_the_reach_of_a_plan(panel):
    other = scrambled(replace(panel, reach={"promo": 3}), 100)
    assert other.known["promo"][:, :103].tobytes() == panel.known["promo"][:, :103].tobytes()
    assert (other.known["promo"][:, 103:] == 1e6).all()

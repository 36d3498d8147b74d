"""The global model: the same bytes whatever stands beside a series, and nothing from the future."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.global_model import (
    ForeignModel,
    GlobalModel,
    GlobalSettings,
    TooLittleData,
    fit,
    predict,
)
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.sampling import Targets, sample
from forecast_assets.global_models.fitting import TrainingDays

SERIES, DAYS, CUTOFF, HORIZON = 12, 260, 230, 14
QUICK = GlobalSettings(n_estimators=20, max_rows=6_000, train_days=120)
YOUNG, SILENT = 3, 5


def shop(days: int = DAYS) -> Panel:
    """Day n sells n plus something by series; every fifth day is a promotion that sells double."""
    row, day = np.arange(SERIES)[:, None], np.arange(days + HORIZON)[None]
    promo = ((day + row) % 5 == 0).astype(np.float32)
    units = ((day + 10 * row) * (1 + promo))[:, :days].astype(np.float32)
    units[YOUNG, : CUTOFF - 3] = np.nan
    units[SILENT] = np.nan
    return Panel(
        series=np.array([f"shop__S{number * 2 // SERIES}__P{number:03d}" for number in range(SERIES)]),
        start=date(2025, 1, 1),
        units=units,
        known={"promo": promo},
        static={"store": np.array([f"S{number * 2 // SERIES}" for number in range(SERIES)])},
    )


@pytest.fixture(scope="module")
def panel() -> Panel:
    return shop()


@pytest.fixture(scope="module")
def model(panel: Panel) -> GlobalModel:
    return fit(panel, CUTOFF, HORIZON, QUICK, threads=1)


@pytest.fixture(scope="module")
def forecasts(model: GlobalModel, panel: Panel) -> np.ndarray:
    return predict(model, panel, threads=1)


def changed(panel: Panel, **parts) -> Panel:
    whole = {name: getattr(panel, name) for name in ("series", "start", "units", "known", "static")}
    return Panel(**{**whole, **parts})


def test_what_happens_after_the_cutoff_changes_neither_model_nor_forecasts(panel, model, forecasts):
    units = panel.units.copy()
    units[:, CUTOFF:] = np.random.default_rng(1).uniform(0, 1e6, units[:, CUTOFF:].shape)
    other = changed(panel, units=units)
    assert fit(other, CUTOFF, HORIZON, QUICK, threads=1).text == model.text
    assert predict(model, other, threads=1).tobytes() == forecasts.tobytes()


def test_a_panel_that_ends_at_the_cutoff_gives_the_same_model_and_forecasts(panel, model, forecasts):
    ended = panel.until(CUTOFF)
    assert fit(ended, CUTOFF, HORIZON, QUICK, threads=1).digest() == model.digest()
    assert predict(model, ended, threads=1).tobytes() == forecasts.tobytes()


def test_the_same_sales_under_another_dataset_name_teach_the_same(panel, model):
    renamed = np.array([key.replace("shop__", "zweite__") for key in panel.series.tolist()])
    few = replace(QUICK, max_rows=200)
    assert fit(changed(panel, series=renamed), CUTOFF, HORIZON, QUICK, threads=1).text == model.text
    assert (
        fit(changed(panel, series=renamed), CUTOFF, HORIZON, few, threads=1).text
        == fit(panel, CUTOFF, HORIZON, few, threads=1).text
    )


def test_known_columns_after_the_last_target_day_are_not_read(panel, model, forecasts):
    promo = panel.known["promo"].copy()
    promo[:, CUTOFF + HORIZON :] = 1 - promo[:, CUTOFF + HORIZON :]
    other = changed(panel, known={"promo": promo})
    assert predict(model, other, threads=1).tobytes() == forecasts.tobytes()
    promo[:, CUTOFF:] = 0
    assert fit(changed(panel, known={"promo": promo}), CUTOFF, HORIZON, QUICK, threads=1).text == model.text


def test_two_threads_give_the_same_bytes_as_one(panel, model, forecasts):
    assert fit(panel, CUTOFF, HORIZON, QUICK, threads=2).digest() == model.digest()
    assert predict(model, panel, threads=2).tobytes() == forecasts.tobytes()


def test_models_of_several_cutoffs_are_the_same_one_by_one_and_two_at_a_time(panel, monkeypatch):
    plan, cutoffs = FoldPlan(horizon=HORIZON, n_splits=3), [CUTOFF - 2, CUTOFF - 1, CUTOFF]
    digests = []
    for processes in ("1", "2"):
        monkeypatch.setenv("FORECAST_PROCESSES", processes)
        models = TrainingDays.of(panel, plan).fit("lightgbm", cutoffs)
        assert not isinstance(models, str)
        assert [model.cutoff for model in models] == cutoffs
        digests.append([model.digest() for model in models])
    assert digests[0] == digests[1]


def test_a_series_is_forecast_the_same_alone_and_in_a_shuffled_batch(panel, model, forecasts):
    shuffled = np.random.default_rng(2).permutation(SERIES)
    assert predict(model, panel, shuffled, threads=1).tobytes() == forecasts[shuffled].tobytes()
    for row in range(SERIES):
        assert predict(model, panel, np.array([row]), threads=1).tobytes() == forecasts[[row]].tobytes()
        assert predict(model, panel.take(np.array([row])), threads=1).tobytes() == forecasts[[row]].tobytes()


def test_a_longer_past_that_no_feature_reaches_changes_nothing():
    settings = GlobalSettings(n_estimators=5, max_rows=2_000, train_days=30)
    days = 900
    panel = shop(days)
    recent = Panel(
        panel.series,
        date.fromordinal(panel.start.toordinal() + 300),
        panel.units[:, 300:],
        {"promo": panel.known["promo"][:, 300:]},
        panel.static,
    )
    long = fit(panel, days, HORIZON, settings, threads=1)
    short = fit(recent, days - 300, HORIZON, settings, threads=1)
    assert long.text == short.text
    assert predict(long, panel, threads=1).tobytes() == predict(short, recent, threads=1).tobytes()


def test_a_model_read_back_forecasts_the_same_bytes(panel, model, forecasts):
    again = GlobalModel.from_json(model.to_json())
    assert again.digest() == model.digest()
    assert (again.features, again.settings) == (model.features, model.settings)
    assert predict(again, panel, threads=1).tobytes() == forecasts.tobytes()


def test_a_model_that_an_older_lightgbm_wrote_forecasts_the_same(panel, model, forecasts):
    assert "version=v4" in model.text
    older = replace(model, text=model.text.replace("version=v4", "version=v3"))
    assert np.array_equal(predict(older, panel, threads=1), forecasts, equal_nan=True)


@pytest.mark.parametrize("where", ["a part too many", "a part too few", "a setting too many"])
def test_a_model_of_another_release_is_refused_with_a_remedy(model, where):
    parts = json.loads(model.to_json())
    if where == "a part too few":
        del parts["features"]
    else:
        (parts if where == "a part too many" else parts["settings"])["depth"] = 3
    with pytest.raises(ForeignModel, match=r"another release: .*(depth|features)") as refused:
        GlobalModel.from_json(json.dumps(parts))
    assert "--force" in refused.value.remedy


def test_a_promotion_known_ahead_is_forecast(panel, forecasts):
    ahead = panel.known["promo"][:, CUTOFF : CUTOFF + HORIZON] == 1
    old = [row for row in range(SERIES) if row not in {YOUNG, SILENT}]
    for row in old:
        assert forecasts[row][ahead[row]].mean() > 1.5 * forecasts[row][~ahead[row]].mean()
    blind = changed(panel, known={})
    unaware = predict(fit(blind, CUTOFF, HORIZON, QUICK, threads=1), blind, threads=1)
    actual = panel.units[old, CUTOFF : CUTOFF + HORIZON]
    assert np.abs(forecasts[old] - actual).sum() < 0.6 * np.abs(unaware[old] - actual).sum()


def test_a_series_three_days_old_gets_a_finite_forecast_near_its_sales(panel, forecasts):
    seen = panel.units[YOUNG, CUTOFF - 3 : CUTOFF]
    assert np.isfinite(forecasts[YOUNG]).all()
    assert seen.min() / 3 < forecasts[YOUNG].mean() < seen.max() * 3


def test_only_a_series_without_an_observed_day_has_no_forecast(forecasts):
    assert np.isnan(forecasts[SILENT]).all()
    assert (np.delete(forecasts, SILENT, axis=0) >= 0).all()


def test_a_series_unobserved_for_a_year_stays_at_what_it_sold_before():
    panel = shop(900)
    panel.units[0, 300:] = np.nan
    model = fit(panel, 900, HORIZON, GlobalSettings(n_estimators=2, max_rows=1_000), threads=1)
    assert predict(model, panel, np.array([0]), threads=1) == pytest.approx(panel.units[0, :300].mean())


def test_a_series_of_returns_only_is_forecast_as_zero(panel, model):
    returns = panel.units.copy()
    returns[0] = -2
    assert (predict(model, changed(panel, units=returns), np.array([0]), threads=1) == 0).all()


def test_a_window_hides_everything_before_it(panel):
    model = fit(panel, CUTOFF, HORIZON, QUICK, window=100, threads=1)
    units = panel.units.copy()
    units[:, : CUTOFF - 100] = 7
    older = changed(panel, units=units)
    assert fit(older, CUTOFF, HORIZON, QUICK, window=100, threads=1).digest() == model.digest()
    assert predict(model, older, threads=1).tobytes() == predict(model, panel, threads=1).tobytes()


def test_a_level_never_seen_in_training_is_forecast_like_an_unknown_one(panel, model):
    moved = predict(model, changed(panel, static={"store": np.full(SERIES, "elsewhere")}), threads=1)
    assert np.isfinite(np.delete(moved, SILENT, axis=0)).all()


def test_names_with_any_character_can_be_columns(panel):
    odd = changed(panel, known={'über "50%": {a,b}': panel.known["promo"]}, static={})
    assert np.isfinite(predict(fit(odd, CUTOFF, HORIZON, QUICK, threads=1), odd, threads=1)[0]).all()


def test_a_missing_column_is_named(panel, model):
    with pytest.raises(UnknownName, match="promo"):
        predict(model, changed(panel, known={}), threads=1)


def test_a_panel_without_series_is_refused(panel):
    with pytest.raises(TooLittleData, match="0 rows"):
        fit(panel.take(np.array([], np.int64)), CUTOFF, HORIZON, QUICK, threads=1)


def test_too_few_rows_are_refused(panel):
    with pytest.raises(TooLittleData, match="at least 100"):
        fit(panel.take(np.array([YOUNG, SILENT])), CUTOFF, HORIZON, QUICK, threads=1)


@pytest.mark.parametrize(
    "wrong",
    [{"max_rows": 10}, {"learning_rate": 0.0}, {"num_leaves": 1}, {"huber_alpha": -1.0}, {"seed": -1}],
)
def test_settings_out_of_bounds_are_refused_by_name(wrong):
    with pytest.raises(BadSetting, match=next(iter(wrong))):
        GlobalSettings(**wrong)


@pytest.mark.parametrize("max_rows", [100, 1_000, 20_000])
def test_a_sample_never_exceeds_its_limit_and_is_in_canonical_order(panel, max_rows):
    rows = sample(panel, Targets(0, 100, CUTOFF, HORIZON), max_rows=max_rows, seed=1)
    assert max_rows * 0.7 < len(rows.steps) <= max_rows
    triples = list(zip(rows.series.tolist(), rows.origins.tolist(), rows.steps.tolist(), strict=True))
    assert triples == sorted(set(triples))
    assert set(rows.steps.tolist()) == set(range(1, HORIZON + 1))
    target = rows.origins + rows.steps - 1
    assert target.min() >= 100
    assert target.max() < CUTOFF
    assert not np.isnan(panel.units[rows.series, target]).any()


def test_days_before_the_newest_year_are_sampled_a_third_as_often():
    keys = np.array([f"shop__S__{at}" for at in range(10, 50)])
    sales = Panel(keys, shop().start, np.ones((40, 1100), np.float32), {}, {})
    rows = sample(sales, Targets(0, 370, 1100, HORIZON), max_rows=5_000, seed=1)
    target = rows.origins + rows.steps - 1
    old, new = (target < 735).sum(), (target >= 735).sum()
    assert old + new == 5_000
    assert old / new == pytest.approx(1 / 3, rel=0.1), "both years have as many days"


def test_whether_a_row_is_sampled_does_not_depend_on_where_its_series_stands(panel):
    """Two of the others are replaced by series that sort elsewhere, as long as they have as many days."""
    targets = Targets(0, 100, CUTOFF, HORIZON)
    renamed = panel.series.copy()
    renamed[[0, 1]] = ["shop__Z__1", "shop__Z__2"]
    order = np.argsort(renamed)
    other = Panel(renamed[order], panel.start, panel.units[order], {}, {})
    here, there = (sample(one, targets, max_rows=500, seed=1) for one in (panel, other))
    chosen = [
        {
            (str(one.series[row]), int(origin), int(step))
            for row, origin, step in zip(*rows, strict=True)
            if "Z" not in one.series[row]
        }
        for one, rows in ((panel, here), (other, there))
    ]
    common = {row for row in chosen[0] | chosen[1] if row[0] not in panel.series[[0, 1]].tolist()}
    # Only ranks near the limit may differ, because the limit is shared.
    assert len((chosen[0] ^ chosen[1]) & common) < 0.1 * len(common)


def test_importing_the_module_does_not_import_lightgbm():
    code = "import sys, forecast_assets.forecasting.core.global_model; sys.exit('lightgbm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

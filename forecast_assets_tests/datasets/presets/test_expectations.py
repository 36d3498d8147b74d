"""What the cards promise: sizes, the same bytes everywhere, and how many series can be judged."""

import datetime as dt
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.panels import Calendar, densify
from forecast_assets.datasets.presets.catalogue import GENERATION, PRESETS, Effect, Preset, card
from forecast_assets.datasets.presets.usa import federal_holidays
from forecast_assets.datasets.sources import PresetSource
from forecast_assets.forecasting.core.availability import of_history
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets_tests.datasets.presets.making import TODAY, demo, source

DOCUMENT = (Path(__file__).parents[3] / "docs" / "presets.md").read_text()
PLAN = FoldPlan(horizon=14, n_splits=5, min_train=30)


def read(preset_source: PresetSource) -> tuple[CanonicalReader, dict[str, pl.DataFrame]]:
    reader = CanonicalReader(preset_source, dataset="shop", today=TODAY)
    return reader, dict(reader)


def counts(preset_source: PresetSource) -> pl.DataFrame:
    reader, stores = read(preset_source)
    first, last = reader.summary.first_day, reader.summary.last_day
    assert first is not None
    assert last is not None
    calendar = Calendar(first, last, last)
    return pl.concat(
        densify(
            frame, store, dataset="shop", calendar=calendar, known={"promo": "flag"}, launch="first_sale"
        )[1]
        for store, frame in stores.items()
    )


def states(preset_source: PresetSource) -> Counter[str]:
    table = counts(preset_source).select("observed_days", "expected_days").rows()
    return Counter(of_history(observed, expected, PLAN).state for observed, expected in table)


EXPECTED = {
    Preset.retail_standard: {"ready": 75},
    Preset.holiday_rush: {"limited": 75},
    Preset.high_variance: {"ready": 75},
    Preset.stockout_heavy: {"limited": 75},
    Preset.sparse: {"limited": 15},
    Preset.demo_minimal: {"limited": 30},
    Preset.showcase_rich: {"ready": 75},
}


@pytest.mark.parametrize("preset", EXPECTED)
@pytest.mark.parametrize("seed", [42, 7])
def test_series_of_a_demo_can_be_judged_as_the_card_says(preset, seed):
    assert states(demo(preset, seed=seed)) == EXPECTED[preset]


def test_new_launches_are_ready_or_limited_by_their_age():
    preset_source = demo(Preset.new_launches)
    assert set(states(preset_source)) == {"ready", "limited"}
    days = counts(preset_source)["observed_days"]
    assert (days >= 44).all(), "never unusable"
    assert (days < 130).sum() >= 40


def test_days_without_stock_are_not_observed_and_gaps_are_missing():
    heavy = counts(demo(Preset.stockout_heavy))
    share = float(heavy["observed_days"].sum()) / float(heavy["expected_days"].sum())
    assert share == pytest.approx(0.75, abs=0.01)
    assert heavy["missing_days"].sum() == 0
    gaps = counts(demo(Preset.sparse))
    assert (gaps["missing_days"] >= 2).all()
    rush = counts(demo(Preset.holiday_rush))
    assert rush["observed_days"].mean() == pytest.approx(78, abs=1)


@pytest.mark.parametrize("preset", Preset)
def test_sizes_are_those_of_the_card(preset):
    full, small = source(preset), demo(preset)
    native = PRESETS[preset].native
    assert (full.stores, full.products) == native[:2]
    assert (full.end - full.start).days == native.span
    expected = (
        f"{small.stores} stores x {small.products} products x {(small.end - small.start).days + 1} days"
    )
    assert card(preset).size == expected
    assert card(preset).seconds in {60, 90, 120, 180}


@pytest.mark.parametrize("preset", Preset)
def test_the_document_tells_every_size(preset):
    (row,) = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `{preset}` |")]
    _, _, full, small, *_ = (part.strip() for part in row.split("|"))
    native, reduced = PRESETS[preset].native, PRESETS[preset].demo
    assert full == f"{native.stores} x {native.products}, {native.span + 1} days"
    if native == reduced:
        assert small == "the same"
    else:
        assert small == f"{reduced.stores} x {reduced.products}, {reduced.span + 1} days"


def test_the_document_tells_every_effect():
    assert all(f"`{effect}`" in DOCUMENT for effect in Effect)


# Hash of the canonical sales of two stores and eight products with seed 42. When one changes, datasets of
# this preset change under people's hands: raise GENERATION, so that they are at least told.
DIGESTS = {
    Preset.retail_standard: "dd20d4b5a46efd5a3d9d52b3743cc78a",
    Preset.holiday_rush: "6e0d848ab39266eac393b07b0c347b87",
    Preset.high_variance: "6dc762ec505c3f563fbcead6fd531247",
    Preset.stockout_heavy: "420f62ed7c645184e4f08c51f1577ff0",
    Preset.new_launches: "cfc124765483ce3633510e578578263b",
    Preset.sparse: "edd557291f81317369a3b987ab571a7e",
    Preset.demo_minimal: "aad7355c8a7892c33746657e2ebf6020",
    Preset.showcase_rich: "220dc4086f62737b160e9ca7d6c5dd1e",
}


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_and_a_seed_give_the_same_sales_on_every_machine(preset):
    window = {} if PRESETS[preset].pinned else {"start": "2025-01-01", "end": "2025-06-30"}
    reader, _ = read(source(preset, stores=2, products=8, **window))
    assert GENERATION == 1
    assert reader.content_hash == DIGESTS[preset]


def test_all_effects_together_give_the_same_sales_on_every_machine():
    small = {"stores": 2, "products": 8, "start": "2025-01-01", "end": "2025-06-30"}
    reader, _ = read(source(Preset.new_launches, effects=list(Effect), **small))
    assert reader.content_hash == "d23a628351ac1f7acaf5eb8da3ed04e7"


def test_another_seed_gives_other_sales():
    small = {"stores": 1, "products": 3, "window_days": 80}
    hashes = {read(source(Preset.demo_minimal, seed=seed, **small))[0].content_hash for seed in range(4)}
    assert len(hashes) == 4


def test_what_is_known_ahead_reaches_ninety_days_and_sales_do_not():
    preset_source = demo(Preset.demo_minimal)
    frame = pl.concat(read(preset_source)[1].values())
    assert frame["date"].max() == preset_source.end + dt.timedelta(days=90)
    plan = frame.filter(pl.col("date") > preset_source.end)
    assert plan["units"].null_count() == len(plan) == 30 * 90
    for column in ("price", "promo", "discount", "holiday"):
        assert plan[column].null_count() == 0
    assert plan["promo"].sum() > 0
    assert set(frame["promo"].unique()) == {0, 1}
    assert (frame["discount"] > 0).equals(frame["promo"] == 1)
    independence = frame.filter(pl.col("date") == dt.date(2026, 1, 1))
    assert independence["holiday"].unique().to_list() == [1]


def test_federal_holidays_are_those_that_the_holidays_package_knows():
    from holidays import country_holidays

    us_holidays = country_holidays("US", observed=False, years=range(2021, 2036))
    assert federal_holidays(dt.date(2021, 1, 1), dt.date(2035, 12, 31)) == dict(us_holidays)

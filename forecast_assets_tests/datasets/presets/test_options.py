"""What may be said of a preset: precedence, bounds, windows; and what a source of it is."""

import datetime as dt

import pytest
from pydantic import TypeAdapter

from forecast_assets.datasets.presets.catalogue import Effect, Preset, check_window
from forecast_assets.datasets.presets.options import demo_scaled, requested
from forecast_assets.datasets.sources import PresetSource, Source
from forecast_assets.errors import BadSetting
from forecast_assets_tests.datasets.presets.making import TODAY, source

SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


def test_explicit_sizes_and_windows_beat_the_preset():
    preset_source = source("showcase_rich", stores=2, products=3, start="2025-01-01", end="2025-12-31")
    assert (preset_source.stores, preset_source.products) == (2, 3)
    assert (preset_source.start, preset_source.end) == (dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    reaching = source("showcase_rich", end="2025-12-31")
    assert (reaching.end - reaching.start).days == 180
    assert source("retail_standard", window_days=100).start == TODAY - dt.timedelta(days=100)


def test_sparsity_beats_the_preset_only_above_zero():
    assert source("sparse", sparsity=0).character().sparsity == 0.5
    assert source("sparse", sparsity=0.2).character().sparsity == 0.2
    assert source("retail_standard", sparsity=0.2).character().sparsity == 0.2


def test_intensities_replace_those_of_the_preset_also_by_zero():
    calm = {"promotion_intensity": 0, "stockout_intensity": 0, "noise_sigma": 0}
    character = source("high_variance", **calm).character()
    assert (character.promotion_probability, character.stockout_probability, character.noise_sigma) == (
        0,
        0,
        0,
    )
    assert source("high_variance").character().noise_sigma == 0.40


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"preset": "retail"}, "preset = 'retail'"),
        ({"preset": "sparse", "stores": 0}, "stores = 0"),
        ({"preset": "sparse", "stores": 101}, "stores = 101"),
        ({"preset": "sparse", "products": 501}, "products = 501"),
        ({"preset": "sparse", "window_days": 74}, "window_days = 74"),
        ({"preset": "sparse", "window_days": 366}, "window_days = 366"),
        ({"preset": "sparse", "sparsity": 0.91}, "sparsity = 0.91"),
        ({"preset": "sparse", "sparsity": float("nan")}, "sparsity = nan"),
        ({"preset": "sparse", "promotion_intensity": 0.51}, "promotion_intensity = 0.51"),
        ({"preset": "sparse", "stockout_intensity": -0.1}, "stockout_intensity = -0.1"),
        ({"preset": "sparse", "noise_sigma": 0.6}, "noise_sigma = 0.6"),
        ({"preset": "sparse", "seed": -1}, "seed = -1"),
        ({"preset": "sparse", "seed": 2**53}, f"seed = {2**53}"),
        ({"preset": "sparse", "start": "31/12/2025"}, "start = '31/12/2025'"),
        ({"preset": "sparse", "effects": ["yearly", "rain"]}, "effects = ['yearly', 'rain']"),
        ({"preset": "sparse", "colour": 1}, "colour = 1"),
        ({"seed": 1}, "preset = None"),
        ({"preset": "sparse", "end": "2026-04-01"}, "lies after today"),
        ({"preset": "sparse", "start": "2026-03-01"}, "a window of 31 days"),
        ({"preset": "sparse", "start": "2020-01-01"}, "cannot be generated"),
        ({"preset": "sparse", "start": "2026-03-01", "end": "2026-01-01"}, "cannot be generated"),
        ({"preset": "sparse", "start": "2026-01-01", "window_days": 80}, "both say where the window begins"),
        ({"preset": "holiday_rush", "window_days": 91}, "its window is pinned"),
        ({"preset": "holiday_rush", "end": "2025-12-31"}, "its holidays would be lost"),
        ({"preset": "holiday_rush", "start": "2024-10-02"}, "its holidays would be lost"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_its_name_and_a_remedy(wishes, message):
    with pytest.raises(BadSetting) as refused:
        PresetSource.model_validate(requested(wishes).fixed(TODAY))
    assert message in refused.value.problem
    assert refused.value.remedy


def test_the_rush_stays_where_it_is_also_when_its_window_is_given():
    pinned = (dt.date(2024, 10, 1), dt.date(2024, 12, 31))
    assert (source("holiday_rush").start, source("holiday_rush").end) == pinned
    with_window = source("holiday_rush", start="2024-10-01", end="2024-12-31")
    assert with_window == source("holiday_rush")


@pytest.mark.parametrize("preset", Preset)
def test_demo_sizes_are_options_like_any_other(preset):
    preset_source = PresetSource.model_validate(demo_scaled(preset, seed=3).fixed(TODAY))
    assert preset_source.seed == 3
    check_window(preset, preset_source.start, preset_source.end)
    assert preset_source == source(
        preset, **demo_scaled(preset, 3).model_dump(exclude={"preset"}, exclude_none=True)
    )


def test_a_source_survives_being_stored_and_never_moves():
    preset_source = source("showcase_rich", effects=["returns", "yearly"])
    assert preset_source.effects == (Effect.yearly, Effect.returns), "the order of asking does not matter"
    again = SOURCE.validate_json(SOURCE.dump_json(preset_source))
    assert again == preset_source
    assert again.fingerprint() == preset_source.fingerprint()


def test_a_fingerprint_tells_everything_that_changes_sales():
    every = [
        source("showcase_rich"),
        source("showcase_rich", seed=1),
        source("showcase_rich", stores=4),
        source("showcase_rich", noise_sigma=0.2),
        source("showcase_rich", window_days=100),
        source("showcase_rich", effects=["yearly"]),
        source("retail_standard", stores=5, products=15, window_days=180),
    ]
    assert len({one.fingerprint() for one in every}) == len(every)


def test_a_stored_source_that_cannot_be_is_refused_in_our_words():
    with pytest.raises(BadSetting, match="stores"):
        SOURCE.validate_python(source("sparse").model_dump() | {"stores": 1000})

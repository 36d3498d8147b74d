"""One ranged run over the whole shop: facts, numbers and what Dagit shows of them."""

import base64
import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import dagster as dg
import pytest

from forecast_assets.backtests.assets import BACKTEST, CHAMPION
from forecast_assets.backtests.fold_store import read_folds
from forecast_assets.forecasting.core.metrics import BY_FOLD
from forecast_assets_tests.pictures import names_stored, words_of_metadata
from forecast_assets_tests.scenario import (
    HEALTHY,
    HOLED,
    NEVER,
    SERIES,
    STOPPED,
    TORN,
    YOUNG,
    Place,
    shop,
)

Ran = tuple[Place, dg.ExecuteInProcessResult]


@pytest.fixture(scope="module")
def ran(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    with open_place(tmp_path_factory.mktemp("shop")) as place:
        place.prepare("shop", shop())
        yield place, place.evaluate(SERIES[0], SERIES[-1])


def champion(place: Place, series: str) -> dict[str, Any]:
    (row,) = [row for row in place.table("champion") if row["series"] == series]
    return row


def test_every_series_is_a_fact_and_every_partition_green(ran):
    place, result = ran
    assert result.success
    assert place.outcomes() == dict.fromkeys(SERIES, "scored") | {YOUNG: "unusable", NEVER: "unusable"}
    assert place.green(BACKTEST) == place.green(CHAMPION) == set(SERIES)


def test_an_unusable_series_says_why_and_has_no_champion_but_a_row(ran):
    place, result = ran
    metadata = place.metadata(result, "backtest", YOUNG)
    assert metadata["outcome"].value == "unusable"
    assert metadata["sentence"].value == "9 observed days, at least 21 are needed"
    row = champion(place, YOUNG)
    assert (row["champion"], row["wape"], row["confidence"]) == (None, None, "low")
    assert row["reason"] == "unusable: 9 observed days, at least 21 are needed"
    assert champion(place, NEVER)["reason"] == "unusable: no sales at all"
    scored = {row["series"] for row in place.table("backtest_metric")}
    assert scored == set(SERIES) - {YOUNG, NEVER}


def test_metrics_are_what_plain_arithmetic_says_of_the_stored_forecasts(ran):
    place, _ = ran
    for row in place.table("backtest_metric"):
        folds = read_folds(place.stores, row["series"])
        assert folds is not None
        for n in range(3):
            pairs = [
                (float(a), float(f))
                for a, f in zip(folds.actual[n], folds.forecasts[row["candidate"]][n], strict=True)
                if not math.isnan(a)
            ]
            errors = [a - f for a, f in pairs]
            shares = [2 * abs(a - f) / (abs(a) + abs(f)) if a or f else 0 for a, f in pairs]
            sold = sum(abs(a) for a, _ in pairs)
            expected = {
                "wape": 100 * sum(map(abs, errors)) / sold if sold else None,
                "smape": 100 * sum(shares) / len(pairs),
                "mae": sum(map(abs, errors)) / len(pairs),
                "bias": sum(errors) / len(pairs),
                "rmse": math.sqrt(sum(e * e for e in errors) / len(pairs)),
            }
            fold_metrics = {name: row[f"fold_{name}"][n] for name in BY_FOLD}
            assert fold_metrics == pytest.approx(expected, abs=1e-9)


def test_the_newest_fold_ends_on_the_newest_day_and_holds_what_was_sold(ran):
    folds = read_folds(ran[0].stores, HEALTHY)
    assert folds is not None
    assert folds.first_days == ["2026-02-13", "2026-02-20", "2026-02-27"]
    assert folds.actual.tolist() == [[*range(n, n + 7)] for n in (40, 47, 54)]
    assert folds.forecasts["naive"].tolist() == [[n - 1] * 7 for n in (40, 47, 54)]
    assert folds.forecasts["seasonal_naive"].tolist() == [[*range(n - 7, n)] for n in (40, 47, 54)]
    assert folds.counted.all()


def test_the_champion_explains_itself(ran):
    row = champion(ran[0], HEALTHY)
    assert (row["champion"], row["runner_up"], row["confidence"]) == ("naive", "moving_average", "high")
    assert (
        row["reason"]
        == "naive at 8.1 % WAPE, 43 % better than seasonal naive; moving_average follows at 14.2 %"
    )
    explanation = row["explanation"]
    assert explanation["confidence_reason"] == "42.9 % ahead of the runner-up in WAPE"
    unknown = "expected WAPE on new days: not known, too few errors to pool: it takes 200 of scored periods"
    assert explanation["data_notes"] == [
        "60 of 60 days observed (100 %), 30.50 units a day on average",
        f"{unknown} without each fold",
    ]
    assert row["skill_vs_seasonal_naive"] == pytest.approx(100 * (1 - row["wape"] / 14.186590507275943))
    assert champion(ran[0], HOLED)["explanation"]["data_notes"] == [
        "57 of 60 days observed (95 %), 7.39 units a day on average",
        f"{unknown} without each fold",
    ]


def test_dagit_shows_a_leaderboard_a_picture_an_explanation_and_links(ran):
    place, result = ran
    backtest = place.metadata(result, "backtest", HEALTHY)
    leaderboard = [record.data for record in backtest["leaderboard"].records]
    assert [(line["rank"], line["candidate"]) for line in leaderboard] == [
        (1, "naive"),
        (2, "moving_average"),
        (3, "seasonal_naive"),
    ]
    ranges = [record.data for record in backtest["by_lead"].records]
    assert {(line["candidate"], line["lead"]) for line in ranges} == set(
        product(("naive", "moving_average", "seasonal_naive"), ("all", "h_1_7"))
    )
    match = re.fullmatch(
        r"!\[.*\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", backtest["actual_and_forecast"].value
    )
    assert match, backtest["actual_and_forecast"].value[:300]
    assert base64.b64decode(match[1]).startswith(b"\x89PNG")
    chosen = place.metadata(result, "champion", HEALTHY)
    assert chosen["explanation"].value.startswith("**naive at 8.1 % WAPE")
    (compared,) = chosen["percent_better_than"].records
    skill = champion(place, HEALTHY)["skill_vs_seasonal_naive"]
    assert compared.data["baseline"] == "seasonal_naive", "the champion is the other one"
    assert compared.data["wape"] == pytest.approx(skill, abs=0.1)
    run_id = champion(place, HEALTHY)["run_id"]
    assert f"(/runs/{run_id})" in chosen["runs"].value
    assert f"partition={HEALTHY}" in chosen["backtest"].value
    assert f"| {chosen['champion'].value} |" in chosen["history"].value
    assert run_id not in chosen["history"].value, "the links of runs stand beside the table"
    ranks = {r.data["rank"] for r in place.metadata(result, "backtest", STOPPED)["leaderboard"].records}
    assert ranks == {1, 2, 3}


@pytest.mark.parametrize(
    ("picture", "asset"), [("backtest", "backtest"), ("folds", "backtest"), ("champion", "champion")]
)
def test_the_pictures_of_the_documents_show_what_dagit_shows(ran, picture, asset):
    place, result = ran
    words = set(words_of_metadata(place.metadata(result, asset, HEALTHY)))
    # Not known of so few sales.
    unknown = {"expected_bias", "expected_wape", "smape"} - words
    assert words == set(names_stored(picture)) - unknown, (
        "take it again: FORECAST_SCREENSHOTS=docs/images, with forecast_assets_tests/browser/test_dagit.py"
    )


def test_metadata_are_small_and_hold_no_number_that_is_none(ran):
    place, result = ran
    for asset, series in product(("backtest", "champion"), SERIES):
        for name, value in place.metadata(result, asset, series).items():
            content = value.value if not hasattr(value, "records") else [r.data for r in value.records]
            text = json.dumps(content, allow_nan=False)
            assert len(text) < 200_000, name
            assert not re.search(r"\b(nan|inf)\b", re.sub(r"base64,[^)]*", "", text), re.IGNORECASE), name


def test_a_large_run_shows_a_handful_of_numbers_for_each_series(ran, monkeypatch):
    place, _ = ran
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "5")
    brief = place.evaluate(SERIES[0], SERIES[-1])
    numbers = {"champion", "confidence", "wape", "bias", "skill_vs_seasonal_naive"}
    assert set(place.metadata(brief, "champion", TORN)) == {*numbers, "sentence", "reused_from_run"}
    assert set(place.metadata(brief, "backtest", TORN)) == {"outcome", "folds", "reused_from_run"}

"""What looks wrong on scored days lowers the confidence in a champion, and is said beside it."""

import datetime as dt

import polars as pl

from forecast_assets_tests.scenario import START, Place, many

OUT = range(100, 112)


def emptied() -> pl.DataFrame:
    """Two series of four months; the first one sells nothing on twelve scored days."""
    date = [START + dt.timedelta(days=n) for n in OUT]
    gone = (pl.col("product_id") == "P000") & pl.col("date").is_in(date)
    return many(2, days=120).with_columns(units=pl.when(gone).then(0.0).otherwise(pl.col("units") + 10))


def champions(place: Place) -> dict[str, dict]:
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    return {row["series"]: row for row in place.table("champion")}


def test_a_stock_out_on_scored_days_is_told_and_nobody_is_sure(place):
    place.prepare("many", emptied())
    first, second = sorted(champions(place).items())
    (_, doubtful), (_, other) = first, second
    assert doubtful["confidence"] == "low"
    reason = doubtful["explanation"]["confidence_reason"]
    assert "suspected stock-out or closure in scored days: 12 days without a sale" in reason
    assert "from 2026-04-15 to 2026-04-26" in reason
    assert "suspected" not in str(other["explanation"])


def test_days_left_out_are_neither_scored_nor_doubted(place):
    place.prepare("many", emptied(), leave_out_stockouts=True)
    (key, row), _ = sorted(champions(place).items())
    assert "suspected" not in row["explanation"]["confidence_reason"]
    assert row["sample_size"] == 3 * 7 - len([n for n in OUT if n >= 120 - 21])
    (verdict,) = [one for one in place.table("availability") if one["series"] == key]
    assert verdict["reason"].endswith("12 days look stocked out and are left out")

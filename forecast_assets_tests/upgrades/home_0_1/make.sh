#!/usr/bin/env bash
# Makes home_0_1.tar.xz again: see README.md. Usage: make.sh CHECKOUT_OF_RELEASE_0_1 ARCHIVE
set -euo pipefail
release=$(realpath "$1")
archive=$(realpath "$2")

# The same place each time: it stands in the rows, and the tests replace it by theirs.
home=/srv/shop
rm -rf "$home"
mkdir "$home"
cp "$release/dagster.yaml" "$home"
export DAGSTER_HOME=$home FORECAST_PROCESSES=2 FORECAST_DETAILED_SERIES=2 PATH="$release/.venv/bin:$PATH"
unset FORECAST_HOME FORECAST_DATABASE_URL FORECAST_LAKE_URL MLFLOW_TRACKING_URI
cd "$home"

# Two stores, two products, 150 days; S2 sells P2 for the last 20 only. No random numbers.
python - <<'PYTHON'
import csv, datetime as dt, math

with open("sales.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["store_id", "product_id", "date", "units", "price", "promo"])
    for store, product, first in (("S1", "P1", 0), ("S1", "P2", 0), ("S2", "P1", 0), ("S2", "P2", 130)):
        for n in range(first, 150):
            promo = int(n % 31 < 4)
            price = 2.5 if promo else 3.0
            level = 9 if product == "P1" else 4
            units = level * (1 + 0.4 * math.sin(2 * math.pi * n / 7)) * (1.5 if promo else 1) + n % 5
            rows.writerow([store, product, dt.date(2026, 1, 5) + dt.timedelta(n), round(units), price, promo])
PYTHON

# S2__P2 is too short for any fold, so some of it is broken, and with it the exit code 1.
launch() { forecast-assets submit "$@" --wait || test $? = 1; }

decide=(--apply --confirm shop --approved-by ann --acknowledge gates --acknowledge worse_wape --acknowledge override)
forecast-assets dataset add shop --path sales.csv --price price --promo promo --horizon 7 --folds 3 \
    --candidates naive,seasonal_naive,moving_average,ets,lightgbm
forecast-assets evaluate shop
forecast-assets register shop
forecast-assets promote shop "${decide[@]}" --reason "first review"
forecast-assets register shop --series shop__S1__P1 --candidate naive --reason "a strike"
forecast-assets promote shop --series shop__S1__P1 "${decide[@]}" --reason "for the strike"
forecast-assets rollback shop --series shop__S1__P1 "${decide[@]}" --reason "the strike is over"
forecast-assets register shop --series shop__S2__P1 --candidate seasonal_naive --reason "waits for a decision"
launch batch shop --candidates naive,ets --folds 3 --horizon 7
launch batch shop --operation train_backtest_register --series shop__S1__P2 --scope manual \
    --candidates moving_average --folds 3 --horizon 7
launch compare shop__S1__P1 --candidates naive,seasonal_naive,ets --folds 3 --horizon 7
launch pipeline shop --requested-by ann --sweep quick_baseline_sweep --no-dry-run
launch showcase demo_minimal --keep spring --stores 1 --products 2 --window-days 90 --horizon 7
forecast-assets what-if shop__S1__P1 --price-change -0.1 --save cheaper
launch retrain shop --confirm "retrain shop" --series shop__S2__P1

# What release 0.1 says of it.
mkdir expected
for what in champions forecasts audit availability leaderboard; do
    forecast-assets export $what shop --format json --output expected/$what.json
done
forecast-assets status --format json > expected/status.json
forecast-assets workspace list --format json > expected/workspaces.json
forecast-assets plan list --format json > expected/plans.json

python - <<'PYTHON'
import subprocess
from forecast_assets.stores import cluster
from forecast_assets.stores.database import database_url

url = database_url()
for name in ("forecast", "mlflow"):
    address = url.set(database=name).render_as_string()
    command = [cluster.binaries() / "pg_dump", f"--dbname={address}", "--no-owner", "--no-privileges"]
    with open(f"{name}.sql", "wb") as file:
        subprocess.run(command, stdout=file, check=True)
PYTHON
mv .forecast/lake lake
tar --sort=name --owner=0 --group=0 --mtime=2026-01-01 -cf - dagster.yaml sales.csv expected forecast.sql mlflow.sql lake \
    | xz -9e > "$archive"
ls -l "$archive"
cd / && rm -rf "$home"

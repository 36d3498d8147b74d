"""``forecast-assets demo``: real sales to champions, in one command.

Belongs here: the dataset that ships with the package.
Does not belong here: anything that another dataset would not do, too.
"""

from pathlib import Path

from forecast_assets.cli import dataset
from forecast_assets.cli.console import BROKE, SAY, View, listing
from forecast_assets.cli.home import find_home, open_instance
from forecast_assets.cli.progress import steps_shown
from forecast_assets.datasets import definition
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.membership import series_of
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.launch_examples import example
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.rows.evaluations import ChampionsRow
from forecast_assets.stores.rows.forecasts import PlansRow

NAME = "bakery"
SALES = Path(__file__).parents[1] / "data" / "bakery" / "sales.parquet"

# How many series it has, by which the time that is left is estimated.
_SERIES = 36
# Assets that no job of an evaluation materializes.
OF_DATASET = ("live_models", "order_proposal", "report")
OF_INSTANCE = ("model_catalog", "ops_summary", "incident_report")
# Plans of one series, which the job compare_plans opens with.
PLANS: dict[str, dict[str, object]] = {
    "demo-promotion": {"promotion": "PCT_OFF"},
    "demo-tenth-cheaper": {"price_change": -0.1},
}


def fill_pages() -> None:
    """Do what sensors and schedules would do in time, so that every page of Dagit has something to show."""
    from forecast_assets.cli.refresh import renew
    from forecast_assets.cli.running import ALL_ASSETS, execute, range_tags

    instance = open_instance()
    keys = series_of(open_stores(), NAME)
    SAY.print(f"{NAME}: registering champions, judging drift, writing reports", markup=False)
    execute(instance, "register_champions", {}, tags=range_tags(keys[0], keys[-1]))
    kept = {
        row["name"] for row in open_stores().warehouse.rows(PlansRow, names=[*PLANS], dataset=NAME, tags=[])
    }
    for plan in sorted(PLANS.keys() - kept):
        asked = {"series": keys[-1], "save_as": plan, "tags": ["demo"], **PLANS[plan]}
        execute(instance, "what_if", example("answer_what_if", **asked))
    renew(instance, NAME)
    execute(instance, ALL_ASSETS, {}, partition_key=NAME, assets=OF_DATASET)
    execute(instance, ALL_ASSETS, {}, assets=OF_INSTANCE)


def demo() -> None:
    """Load the bakery sales that ship with the package, backtest all candidates and show the champions."""
    home = find_home()
    with steps_shown(NAME, _SERIES):
        broken = _evaluated()
    stores = open_stores()
    listing(stores.warehouse.frame(ChampionsRow, dataset=NAME, series=None), View(), "champions")
    SAY.print("\nOpen Dagit, the user interface, with:")
    if (home / "Makefile").is_file():
        SAY.print("    make dev")
    else:
        SAY.print(f"    DAGSTER_HOME={home} forecast-assets dev", markup=False)
    raise SystemExit(BROKE if broken else 0)


def _evaluated() -> int:
    """Add the dataset, evaluate it and fill the pages; return how many series broke."""
    # Seconds of imports that --help should not cost.
    import dagster as dg

    from forecast_assets.cli.evaluation import run

    stores = open_stores()
    if NAME not in definition.names(stores):
        columns = Columns(
            promo="promo",
            holiday="is_holiday",
            known_future=("is_school_holiday",),
            declared={"is_school_holiday": "flag"},
        )
        # Calendars are known for years, and the bakery plans its promotions.
        options = DatasetOptions(plan_days={"promo": 14, "holiday": 90, "is_school_holiday": 90})
        dataset.create(NAME, FileSource(kind="file", path=str(SALES), columns=columns), options)
    instance = open_instance()
    runs = instance.get_runs_count()
    broken = run(NAME, None, {}, force=False)
    if instance.get_runs_count() != runs or not instance.get_materialized_partitions(
        dg.AssetKey("order_proposal")
    ):
        fill_pages()
    return broken

"""Files as public data are published, made up in small: the documented commands read and forecast them."""

import datetime as dt
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import typer

from forecast_assets.backtests.evaluation import evaluate
from forecast_assets.cli import dataset as commands
from forecast_assets.datasets import building, definition
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.profiles import SourceProfile
from forecast_assets.datasets.sources import Source
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets.global_models import fold_models
from forecast_assets_tests.scenario import QUICK, TODAY, Place

DOCUMENT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^ +forecast-assets dataset add (\w+) (--path public/.*)$", re.MULTILINE)
DAYS = 70


def days(first: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range(DAYS)]


def sold(n: int, product: int) -> int:
    return 5 + (n % 7) * product


def favorita() -> str:
    """One row per sale: no zeros, returns below zero, promotions unknown at first."""
    rows = ["id,date,store_nbr,item_nbr,unit_sales,onpromotion"]
    for n, day in enumerate(days(dt.date(2017, 1, 1))):
        promoted = "" if n < 20 else ("True" if n % 10 == 0 else "False")
        rows += [
            f"{n},{day},25,{103665 + item},{-2.0 if n == 30 else sold(n, item):.1f},{promoted}"
            for item in (1, 2)
        ]
    return "\n".join(rows)


def rossmann() -> str:
    """Newest day first, every store every day, closed on Sundays; no products."""
    rows = ['"Store","DayOfWeek","Date","Sales","Customers","Open","Promo","StateHoliday","SchoolHoliday"']
    for n, day in reversed(list(enumerate(days(dt.date(2015, 5, 4))))):
        is_open = int(day.isoweekday() < 7)
        for store in (1, 2):
            sales = is_open * 1000 * sold(n, store)
            promo = int(n % 14 < 5)
            rows.append(
                f'{store},{day.isoweekday()},{day},{sales},{sales // 9},{is_open},{promo},"0","{int(n > 50)}"'
            )
    return "\n".join(rows)


def m5(*, wide: bool) -> str:
    head = "id,item_id,dept_id,cat_id,store_id,state_id"
    keys = [f"HOBBIES_1_00{n}_CA_1_evaluation,HOBBIES_1_00{n},HOBBIES_1,HOBBIES,CA_1,CA" for n in (1, 2)]
    if wide:
        header = f"{head},{','.join(f'd_{n + 1}' for n in range(DAYS))}"
        return "\n".join(
            [
                header,
                *(
                    f"{key},{','.join(str(sold(n, p + 1)) for n in range(DAYS))}"
                    for p, key in enumerate(keys)
                ),
            ]
        )
    rows = [f"{key},d_{n + 1},{sold(n, p + 1)}" for p, key in enumerate(keys) for n in range(DAYS)]
    return "\n".join([f"{head},d,sales", *rows])


def store_item_demand() -> str:
    rows = [
        f"{day},{store},{store + 1},{sold(n, store)}"
        for store in (1, 2)
        for n, day in enumerate(days(dt.date(2013, 1, 1)))
    ]
    return "\n".join(["date,store,item,sales", *rows])


def online_retail() -> bytes:
    """Receipts in Western Windows' encoding, returns as cancelled invoices, ids that differ only by case."""
    rows = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for n, day in enumerate(days(dt.date(2010, 12, 1))):
        stamp = f"{day.month}/{day.day}/{day.year}"
        for code, name in (("85123A", "WHITE HANGING HEART"), ("85123a", "CAF\u00c9 \u00a35 MUG")):
            rows += [
                f"{536365 + n},{code},{name},{1 + n % 7},{stamp} {hour}:26,2.55,17850,United Kingdom"
                for hour in (8, 14)
            ]
        if n % 9 == 0:
            rows.append(
                f"C{536365 + n},85123A,HANGING HEART,-{3 if n else 50},{stamp} 9:41,2.55,,United Kingdom"
            )
    return "\n".join(rows).encode("cp1252")


def nixtla() -> pl.DataFrame:
    rows = [
        (f"item/{one}", day, float(sold(n, one)))
        for one in (1, 2)
        for n, day in enumerate(days(dt.date(2024, 1, 1)))
    ]
    return pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")


@pytest.fixture(scope="module")
def place(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("layouts")
    (folder / "public").mkdir()
    texts = {
        "favorita_train.csv": favorita(),
        "rossmann_train.csv": rossmann(),
        "sales_train_evaluation.csv": m5(wide=True),
        "m5_long.csv": m5(wide=False),
        "store_item_demand.csv": store_item_demand(),
    }
    for name, text in texts.items():
        (folder / "public" / name).write_text(text + "\n", encoding="utf-8")
    (folder / "public" / "online_retail.csv").write_bytes(online_retail())
    nixtla().write_parquet(folder / "public" / "nixtla.parquet")
    with open_place(folder) as opened:
        yield opened


@pytest.fixture
def added(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], definition.Dataset]:
    """Add a dataset as the command line does, to the stores of this module."""

    def create(
        name: str, source: Source, options: DatasetOptions, profile: SourceProfile | None = None
    ) -> None:
        assert profile is not None
        quick = options.model_copy(update={"evaluation": QUICK})
        building.add_dataset(place.stores, name, source, quick, TODAY)

    def add(name: str, options: str) -> definition.Dataset:
        monkeypatch.setattr(commands, "create", create)
        monkeypatch.chdir(place.folder)
        typer.main.get_command(commands.app).main(["add", name, *shlex.split(options)], standalone_mode=False)
        return definition.load(place.stores, name)

    return add


COMMANDS = dict(COMMAND.findall(DOCUMENT))
UNITS = {
    "favorita": sum(sold(n, item) for n in range(DAYS) for item in (1, 2) if n != 30),
    "rossmann": sum(
        1000 * sold(n, s)
        for n, day in enumerate(days(dt.date(2015, 5, 4)))
        for s in (1, 2)
        if day.isoweekday() < 7
    ),
    "m5": sum(sold(n, item) for n in range(DAYS) for item in (1, 2)),
    "m5_long": sum(sold(n, item) for n in range(DAYS) for item in (1, 2)),
    "demand": sum(sold(n, store) for n in range(DAYS) for store in (1, 2)),
    "retail": 4 * sum(1 + n % 7 for n in range(DAYS)) - 2 - sum(3 if n % 7 else 2 for n in range(9, DAYS, 9)),
    "nixtla": sum(sold(n, item) for n in range(DAYS) for item in (1, 2)),
}


def test_the_page_about_data_shows_a_command_for_every_layout():
    assert set(COMMANDS) == set(UNITS)


@pytest.mark.parametrize("name", sorted(UNITS))
def test_a_public_layout_is_read_evaluated_and_forecast(name, place, added):
    dataset = added(name, COMMANDS[name])
    snapshot = dataset.snapshot
    assert snapshot is not None
    files = place.stores.lake.list(snapshot.sales_path)
    sales = pl.concat(
        [pl.DataFrame(place.stores.lake.read_table(file)).select("date", "units") for file in files]
    )
    assert sales["units"].sum() == pytest.approx(UNITS[name])
    assert snapshot.series_count == 2
    assert (snapshot.last_day - snapshot.first_day).days + 1 >= DAYS - 1  # the last one may be a Sunday
    building.build_panel(place.stores, name, run_id=f"panel-{name}", register=list)
    fold_models.build(place.stores, definition.load(place.stores, name), QUICK, run_id=f"global-{name}")
    keys = sorted(building.availability(place.stores, name)["series"].to_list())
    outcomes = list(evaluate(place.stores, keys, run_id=f"run-{name}", changes={}, choose=True, force=False))
    assert [one.outcome for one in outcomes] == ["scored"] * 2
    assert [one.outcome for one in make_forecasts(place.stores, keys, run_id=f"forecast-{name}")] == [
        "forecast"
    ] * 2

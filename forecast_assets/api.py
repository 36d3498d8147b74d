"""The Python door: sales in, champions and forecasts out, as frames of pandas or polars.

Belongs here: the functions of ``import forecast_assets as fa``, on the same state as the command line.
Does not belong here: the work behind them, and Dagster's words.

A program of one's own calls these::

    import forecast_assets as fa

    fa.add("shop", sales)
    fa.evaluate("shop")
    fa.forecast("shop")
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from forecast_assets import frames
from forecast_assets.days import read_day
from forecast_assets.errors import BadSetting, ForecastError

__all__ = [
    "ForecastError",
    "WhatIf",
    "add",
    "champions",
    "drift_verdicts",
    "evaluate",
    "forecast",
    "leaderboard",
    "order_proposal",
    "what_if",
]

Frames = Literal["pandas", "polars"]
Level = Literal["series", "store", "category", "dataset"]


@dataclass(frozen=True)
class WhatIf:
    """What a series would sell under assumptions.

    ``days`` is a frame with ``date``, ``as_planned``, ``what_if`` and the limits of its 80 and 95 % intervals
    in units a day, ``sentence`` the result in words, ``notes`` what was assumed on the way.
    """

    days: Any
    sentence: str
    notes: list[str]


def add(
    name: str,
    sales: Any,  # noqa: ANN401 - a frame of any library, or a path
    *,
    replace: bool = False,
    horizon: int | None = None,
    folds: int | None = None,
    candidates: Sequence[str] | None = None,
    **columns: Any,  # noqa: ANN401 - names of columns by role
) -> None:
    """Check sales and remember them as the dataset ``name``.

    ``sales`` is a frame of pandas, polars or PyArrow with one row per store, product and day, or the path of
    files as ``forecast-assets dataset add --path`` takes it. Columns are found by their names or named by
    role (guesses are said on stderr): ``store``, ``product``, ``date``, ``units``, ``price``, ``promo``,
    ``holiday``, ``closed``, ``stockout``, ``static=[...]``, ``known_future=[...]``. Nixtla's long format
    (``unique_id``, ``ds``, ``y``) is taken as it is; an id ``store/product`` is split, any other one is a
    product of the store "all".

    A dataset that exists is refused, unless ``replace`` gives it new sales; results of unchanged series stay.
    Raises ``ForecastError`` for what is wrong with the sales; then nothing is stored.

    >>> fa.add("shop", sales, promo="promo", horizon=7, folds=2)
    """
    from forecast_assets.cli.refusals import SAY
    from forecast_assets.datasets import building, definition, profiles
    from forecast_assets.datasets.definition import DatasetOptions
    from forecast_assets.datasets.sources import FileSource
    from forecast_assets.days import today
    from forecast_assets.evaluation_settings import EvaluationSettings, revised
    from forecast_assets.keys import check_id

    check_id("dataset name", name)
    instance, stores = _opened()
    exists = name in definition.names(stores)
    if exists and not replace:
        raise BadSetting(f"dataset {name!r} exists already", remedy="say replace=True to give it new sales")
    with _file(name, sales, exists=exists) as path:
        if exists:
            return
        roles = frames.NIXTLA if frames.is_nixtla(sales) else {}
        profile = profiles.profile(FileSource(path=str(path)), {**roles, **_tuples(columns)})
        wishes = {"horizon": horizon, "n_splits": folds, "candidates": candidates and list(candidates)}
        changes = {wish: value for wish, value in wishes.items() if value is not None}
        options = DatasetOptions(evaluation=revised(EvaluationSettings(), changes))
        if profile.guesses:
            guesses = ", ".join(f"{role}={column!r}" for role, column in profile.guesses.items())
            SAY.print(f"{name}: columns guessed by their names: {guesses}", markup=False)
        building.add_dataset(stores, name, profile.source, options, today())
        instance.add_dynamic_partitions("datasets", [name])


def evaluate(
    name: str,
    *,
    series: Sequence[str] | None = None,
    force: bool = False,
    to: Frames = "pandas",
    **changes: Any,  # noqa: ANN401 - as the settings say
) -> Any:  # noqa: ANN401 - a frame of the library that was named
    """Backtest the candidates on what has changed, choose champions and forecast; return the champions.

    ``changes`` override the dataset's settings (``horizon``, ``policy`` ...). How far it is goes to stderr.

    >>> best = fa.evaluate("shop")
    >>> sorted(best["series"])
    ['shop__A__bread', 'shop__A__milk']
    """
    from forecast_assets.cli.evaluation import run
    from forecast_assets.cli.progress import steps_shown
    from forecast_assets.datasets.definition import load

    _, stores = _opened()
    with steps_shown(name, len(series or ()) or load(stores, name).series_count):
        run(name, None if series is None else list(series), changes, force=force)
    return champions(name, to=to)


def champions(name: str, *, series: Sequence[str] | None = None, to: Frames = "pandas") -> Any:  # noqa: ANN401
    """Return the best candidate of each series: errors, confidence and the reason in a sentence.

    >>> list(fa.champions("shop", to="polars").columns)[:4]
    ['series', 'store_id', 'product_id', 'champion']
    """
    from forecast_assets.stores.rows.evaluations import ChampionsRow

    return _returned(_question(ChampionsRow, name, series), to)


def leaderboard(name: str, *, series: Sequence[str] | None = None, to: Frames = "pandas") -> Any:  # noqa: ANN401
    """Return how every candidate did for each series, the best first.

    >>> ranks = fa.leaderboard("shop", series=["shop__A__milk"])
    >>> int(ranks["rank"].iloc[0])
    1
    """
    from forecast_assets.stores.rows.evaluations import LeaderboardRow

    return _returned(_question(LeaderboardRow, name, series), to)


def drift_verdicts(name: str, *, series: Sequence[str] | None = None, to: Frames = "pandas") -> Any:  # noqa: ANN401
    """Return whose champion has become worse, most units at risk first, as it was judged last.

    ``chance`` is the probability (0-1) of an error as large as the newest week's if nothing had changed.
    There are no rows where drift has not been judged yet.

    >>> list(fa.drift_verdicts("shop").columns)[:4]
    ['series', 'store_id', 'product_id', 'champion']
    """
    from forecast_assets.stores.rows.operations import DriftRow

    return _returned(_question(DriftRow, name, series), to)


def forecast(
    name: str, *, level: Level = "series", series: Sequence[str] | None = None, to: Frames = "pandas"
) -> Any:  # noqa: ANN401 - a frame of the library that was named
    """Return the forecast of every day ahead, by series with its limits, or summed over a ``level``.

    >>> ahead = fa.forecast("shop")
    >>> len(ahead), str(ahead["date"].min())[:10]
    (14, '2024-04-30')
    """
    from forecast_assets.datasets.definition import load
    from forecast_assets.forecasts.store import daily_totals

    if level not in get_args(Level):
        raise BadSetting(f"there is no level {level!r}", remedy=f"use one of {', '.join(get_args(Level))}")
    if series is not None and level != "series":
        raise BadSetting("totals are of all series", remedy="leave series out, or level")
    _, stores = _opened()
    load(stores, name)
    frame = daily_totals(stores, name, level)
    return _returned(frame if series is None else frame.filter(pl.col("series").is_in(list(series))), to)


def order_proposal(name: str, *, day: str | None = None, to: Frames = "pandas") -> Any:  # noqa: ANN401
    """Return what to order of every series on a ``day`` (YYYY-MM-DD, today unless said), and why.

    The most money at risk comes first. ``order_units`` is empty where stock or forecast are not good enough
    to order by; ``reason`` says why. Stock comes from the dataset's inventory file.

    >>> orders = fa.order_proposal("shop", day="2024-04-30")
    >>> str(orders["reason"].iloc[0])
    'no order: its stock is not known'
    """
    from forecast_assets.orders.proposal import propose

    _, stores = _opened()
    return _returned(propose(stores, name, read_day("day", day)).frame, to)


def what_if(
    series: str,
    *,
    price_change: float | None = None,
    promotion: str | None = None,
    holidays: Sequence[str] | None = None,
    on_hand: float | None = None,
    lifecycle: str | None = None,
    to: Frames = "pandas",
) -> WhatIf:
    """Forecast one series under other prices, promotions, holidays or stock.

    ``price_change`` is relative (-0.1: a tenth cheaper), ``promotion`` and ``lifecycle`` are the words of
    ``forecast-assets what-if --help``, ``holidays`` days as YYYY-MM-DD, ``on_hand`` units in stock.

    >>> answer = fa.what_if("shop__A__milk", price_change=-0.1)
    >>> list(answer.days.columns)
    ['date', 'as_planned', 'what_if', 'lower_95', 'lower_80', 'upper_80', 'upper_95']
    """
    from forecast_assets.scenarios import plans

    _, stores = _opened()
    changes = {
        "price_change": price_change,
        "promotion": promotion,
        "holidays": None if holidays is None else list(holidays),
        "on_hand": on_hand,
        "lifecycle": lifecycle,
    }
    answer = plans.what_if(stores, series, plans.assumed(stores, changes, None), run_id=uuid.uuid4().hex)
    days = {"date": answer.forecast.dates(), **answer.days()}
    return WhatIf(_returned(pl.DataFrame(days).fill_nan(None), to), answer.sentence, list(answer.sentences))


def _opened() -> tuple[Any, Any]:
    """The Dagster instance and the stores of the home, made where there is none."""
    from forecast_assets.cli.home import open_instance
    from forecast_assets.stores.opening import open_stores

    return open_instance(), open_stores()


def _question(row: type, name: str, series: Sequence[str] | None) -> pl.DataFrame:
    from forecast_assets.datasets.definition import load

    _, stores = _opened()
    load(stores, name)
    results: pl.DataFrame = stores.warehouse.frame(
        row, dataset=name, series=None if series is None else list(series)
    )
    return results


def _returned(frame: pl.DataFrame, to: Frames) -> Any:  # noqa: ANN401 - a frame of the library that was named
    if to not in get_args(Frames):
        raise BadSetting(f"there are no frames of {to!r}", remedy=f"use one of {', '.join(get_args(Frames))}")
    return frame if to == "polars" else frame.to_pandas()


def _tuples(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {role: tuple(value) if isinstance(value, list) else value for role, value in columns.items()}


@contextmanager
def _file(name: str, sales: Any, *, exists: bool) -> Iterator[Path]:  # noqa: ANN401 - a frame or a path
    """The file that a dataset reads: the one that was named, or a copy of the frame in the home."""
    from forecast_assets.settings import settings

    if isinstance(sales, str | Path):
        if exists:
            raise BadSetting(
                "a dataset reads its files anew by itself", remedy="change the files, or remove it"
            )
        yield Path(sales).absolute()
        return
    target = settings().home / "frames" / f"{name}.parquet"
    frame = frames.to_sales(sales)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".part")
    frame.write_parquet(fresh)
    before = target.read_bytes() if target.exists() else None
    fresh.replace(target)
    try:
        yield target
    except BaseException:
        if before is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(before)
        raise

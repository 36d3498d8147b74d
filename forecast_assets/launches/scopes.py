"""Scopes: which series of a dataset something is launched for.

Belongs here: what a planner may choose, and turning the choice into keys in a fixed order.
Does not belong here: caps, which belong to what is launched.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from forecast_assets.datasets.definition import Dataset
from forecast_assets.datasets.membership import check_dataset
from forecast_assets.datasets.series_names import keys_of
from forecast_assets.errors import BadSetting, UnknownName, listed
from forecast_assets.forecasting.core.bounds import check_whole
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.keys import SeriesKey
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import ScopeSeriesRow

Kind = Literal["manual", "region", "category", "top_revenue", "all", "demo"]
_SELECTORS: dict[Kind, tuple[str, ...]] = {
    "manual": ("stores", "products", "series"),
    "region": ("region",),
    "category": ("category",),
    "top_revenue": ("top_n",),
}
_MOST_REVENUE = 1000
_DEMO = 5


@dataclass(frozen=True, slots=True)
class Scope:
    """A choice of series; each kind but ``all`` and ``demo`` needs its own selector.

    ``manual``: every pair of ``stores`` and ``products``, or the keys ``series``. ``region``: all stores
    of it x all products. ``category``: all stores x its products. ``top_revenue``: the ``top_n`` pairs
    that took most. ``demo``: the first five pairs. Raises ``BadSetting`` when the selector is missing.
    """

    kind: Kind
    stores: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    region: str | None = None
    category: str | None = None
    top_n: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise BadSetting(f"scope is {self.kind!r}", remedy=f"use one of {', '.join(get_args(Kind))}")
        paired = bool(self.stores) and bool(self.products)
        if self.kind == "manual" and not paired and not self.series:
            raise _missing("manual", "stores and products, or series")
        self._refuse_strangers()
        if self.kind == "region" and not self.region:
            raise _missing("region", "the region")
        if self.kind == "category" and not self.category:
            raise _missing("category", "the category")
        if self.kind == "top_revenue":
            if self.top_n is None:
                raise _missing("top_revenue", "top_n")
            check_whole("top_n", self.top_n, 1, _MOST_REVENUE)

    def _refuse_strangers(self) -> None:
        """Refuse selectors of other kinds: left out without a word, more would be chosen than was meant."""
        own = _SELECTORS.get(self.kind, ())
        for kind, names in _SELECTORS.items():
            if strangers := [name for name in names if getattr(self, name) and name not in own]:
                raise BadSetting(
                    f"scope {self.kind} does not look at {listed(strangers)}",
                    remedy=f"leave that out, or use scope {kind}",
                )

    def to_json(self) -> dict[str, Any]:
        """The choice without what was left empty."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in fields.items() if v}


def ranked_by(dataset: Dataset, scope: Scope) -> dict[str, str]:
    """Return what a scope of the best series is ranked by where it is not the revenue."""
    if scope.kind != "top_revenue" or "price" in dataset.source.columns.known:
        return {}
    return {"ranked_by": f"units: {dataset.name} has no price column"}


def _missing(kind: str, what: str) -> BadSetting:
    return BadSetting(f"scope {kind} does not say {what}", remedy=f"give {what}")


def pairs(stores: Stores, dataset: Dataset, scope: Scope) -> list[SeriesKey]:
    """Return the keys of a scope, by store and product; pairs that were never sold may be among them.

    Raises ``UnknownName`` when nothing fits the selector.
    """
    rows = stores.warehouse.rows(ScopeSeriesRow, dataset=dataset.name)
    keys = [SeriesKey.parse(row["series"]) for row in rows]
    all_stores, all_products = {key.store for key in keys}, {key.product for key in keys}
    if scope.kind == "all":
        return keys
    if scope.kind == "demo":
        return keys[:_DEMO]
    if scope.kind == "top_revenue":
        return _top(stores, dataset, keys, scope.top_n or 0)
    if scope.kind == "region":
        in_region = {_key(row).store for row in _having(dataset, rows, "region", str(scope.region))}
        return _crossed(dataset, in_region, all_products)
    if scope.kind == "category":
        in_region = {_key(row).product for row in _having(dataset, rows, "category", str(scope.category))}
        return _crossed(dataset, all_stores, in_region)
    stores_by_id = {row["store_id"]: _key(row).store for row in rows}
    products_by_id = {row["product_id"]: _key(row).product for row in rows}
    scope = replace(
        scope,
        stores=tuple(stores_by_id.get(one, one) for one in scope.stores),
        products=tuple(products_by_id.get(one, one) for one in scope.products),
        series=tuple(keys_of(stores, scope.series)),
    )
    return _manual(dataset, scope, keys)


def _key(row: ScopeSeriesRow) -> SeriesKey:
    return SeriesKey.parse(row["series"])


def _manual(dataset: Dataset, scope: Scope, keys: Sequence[SeriesKey]) -> list[SeriesKey]:
    named = {SeriesKey.parse(key) for key in scope.series}
    check_dataset(dataset.name, scope.series)
    _check_known("store", {key.store for key in named} | set(scope.stores), {key.store for key in keys})
    _check_known(
        "product", {key.product for key in named} | set(scope.products), {key.product for key in keys}
    )
    return sorted(named | set(_crossed(dataset, set(scope.stores), set(scope.products))))


def _check_known(what: str, ids: set[str], existing: set[str]) -> None:
    """Raise ``UnknownName`` for ids that no series has, most likely typing errors."""
    if unknown := sorted(ids - existing):
        near = difflib.get_close_matches(unknown[0], existing, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownName(
            f"no series has {what} id {listed([repr(one) for one in unknown])}",
            remedy=f"{hint}Known: {listed(sorted(existing))}",
        )


def _crossed(dataset: Dataset, stores: set[Any], products: set[Any]) -> list[SeriesKey]:
    return [
        SeriesKey(dataset.name, str(store), str(product))
        for store in sorted(stores)
        for product in sorted(products)
    ]


def _having(
    dataset: Dataset, rows: Sequence[ScopeSeriesRow], attribute: str, value: str
) -> list[ScopeSeriesRow]:
    """The series whose static ``attribute`` is ``wanted``."""
    texts = [row["static"].get(attribute) for row in rows]
    if not any(texts):
        raise BadSetting(
            f"dataset {dataset.name!r} knows no {attribute} of its series",
            remedy=f"load it with --static {attribute}, or choose another scope",
        )
    matching = [row for row, text in zip(rows, texts, strict=True) if text == value]
    if not matching:
        choices = ", ".join(sorted({text for text in texts if text}))
        raise UnknownName(f"no series has {attribute} {value!r}", remedy=f"known: {choices}")
    return matching


def _top(stores: Stores, dataset: Dataset, keys: list[SeriesKey], top_n: int) -> list[SeriesKey]:
    from forecast_assets.datasets.building import read_panel  # noqa: PLC0415 - only here are panels read

    panel = read_panel(stores, dataset)
    taken = dict(zip(panel.series.tolist(), revenue(panel).tolist(), strict=True))
    return sorted(keys, key=lambda key: (-taken[str(key)], key))[:top_n]


def revenue(panel: Panel) -> NDArray[np.float64]:
    """What each series (n,) took in all: units x price, or units where the dataset knows no price.

    A day without a price counts with the series' mean price.
    """
    units = np.nan_to_num(panel.units.astype(np.float64))
    if "price" not in panel.known:
        return np.asarray(units.sum(axis=1))
    price = panel.known["price"][:, : panel.days].astype(np.float64)
    seen = ~np.isnan(price)
    mean = np.nan_to_num(price).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.asarray((units * np.where(seen, price, mean[:, None])).sum(axis=1))

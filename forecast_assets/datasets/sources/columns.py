"""Which source column plays which role.

Belongs here: the roles, what no two of them may share, and telling which columns a source lacks.
Does not belong here: what a column may hold (``rules``).
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from forecast_assets.datasets.sources.base import Strict
from forecast_assets.datasets.sources.dialects import name_of
from forecast_assets.errors import BadSales, BadSetting, listed
from forecast_assets.forecasting.core.panel import ORIGINAL_IDS
from forecast_assets.forecasting.core.plans import Role, role_of

_PLURALS = {",": "commas", ";": "semicolons", "\t": "tabs"}
RETURNS = "returns"
_CANONICAL = ("store_id", "product_id", "date", "units", RETURNS, *ORIGINAL_IDS)


class Columns(Strict):
    """Which source column plays which role."""

    store: str = Field(default="store_id", min_length=1, description="Store id: text or whole numbers.")
    product: str = Field(default="product_id", min_length=1, description="Product id: text or whole numbers.")
    date: str = Field(default="date", min_length=1, description="Day of sale, YYYY-MM-DD.")
    units: str = Field(default="units", min_length=1, description="Units sold; empty means not observed.")
    price: str | None = Field(default=None, description="Price, known ahead; becomes the column price.")
    promo: str | None = Field(default=None, description="Promotion, known ahead; becomes the column promo.")
    holiday: str | None = Field(default=None, description="Holiday, known ahead; becomes the column holiday.")
    closed: str | None = Field(default=None, description="True or 1: closed, so the units are not observed.")
    stockout: str | None = Field(
        default=None, description="True or 1: out of stock, so the units are not observed."
    )
    open: str | None = Field(default=None, description="False or 0: closed, so the units are not observed.")
    known_future: tuple[str, ...] = Field(default=(), description="Further numeric columns known ahead.")
    declared: dict[str, Role] = Field(
        default_factory=dict,
        description="Roles of known-future columns: price or carried (the last value holds), flag (off where "
        "nothing is said), number (unknown where nothing is said, the default).",
    )
    static: tuple[str, ...] = Field(default=(), description="Text attributes of a series, such as category.")

    @model_validator(mode="after")
    def _roles_are_distinct(self) -> Self:
        others = (*self.known.values(), *self.flags, *self.static)
        keys = (self.store, self.product, self.date, self.units)
        twice = [name for name, times in Counter((*keys, *(set(others) & set(keys)))).items() if times > 1]
        if twice:
            raise BadSetting(
                f"source column {listed([repr(name) for name in twice])} is given two roles",
                remedy="store, product, date and units each need a column of their own",
            )
        if stray := [name for name in self.declared if name not in self.known]:
            raise BadSetting(
                f"{listed([repr(name) for name in stray])} has a role and is no known-future column",
                remedy="name it as known-future, too",
            )
        named = [name for name in ("price", "promo", "holiday") if getattr(self, name) is not None]
        counts = Counter((*_CANONICAL, *named, *self.known_future, *self.static))
        if clash := [name for name, times in counts.items() if times > 1]:
            raise BadSetting(
                f"two columns would be called {listed([repr(name) for name in clash])}",
                remedy="name every known-future and static column once, and none of them like a fixed column",
            )
        return self

    @property
    def known(self) -> dict[str, str]:
        """Known-future columns in declared order: canonical name -> source column."""
        fixed = {"price": self.price, "promo": self.promo, "holiday": self.holiday}
        columns = {name: column for name, column in fixed.items() if column is not None}
        return columns | {name: name for name in self.known_future}

    @property
    def roles(self) -> dict[str, Role]:
        """The role of every known-future column: what a missing value of it means."""
        return {name: role_of(name, self.declared) for name in self.known}

    @property
    def flags(self) -> tuple[str, ...]:
        """Source columns that mark days whose units are not observed."""
        return tuple(name for name in (self.closed, self.stockout, self.open) if name is not None)

    @property
    def needed(self) -> tuple[str, ...]:
        """Every source column in use, each once."""
        keys = (self.store, self.product, self.date, self.units)
        return tuple(dict.fromkeys((*keys, *self.known.values(), *self.flags, *self.static)))


def check_columns(name: str, present: Sequence[str], needed: Sequence[str], *, separator: str = ",") -> None:
    """Raise ``BadSales`` when file or query ``name`` lacks a needed column, or has it twice."""
    twice = [repr(column) for column in needed if present.count(column) > 1]
    if twice:
        raise BadSales(
            f"{name}: column {listed(twice)} appears twice", remedy="rename or drop one of the two"
        )
    missing = [column for column in needed if column not in present]
    if not missing:
        return
    other = next((one for one in ";\t|," if len(present) == 1 and one in present[0]), None)
    if other is not None and other != separator:
        raise BadSales(
            f"{name}: the columns are not separated by {_PLURALS.get(separator, name_of(separator))}",
            remedy=f"say what stands between them: --separator {name_of(other)}",
        )
    near = {column: nearest(column, present) for column in missing}
    guesses = [f"{column!r} (did you mean {one!r}?)" if one else repr(column) for column, one in near.items()]
    raise BadSales(
        f"{name}: no column {listed(guesses)}; it has {listed([repr(column) for column in present])}",
        remedy="say which of its columns plays this role, as with --store, --product, --date, --units, "
        "or rename the column",
    )


def plain(name: str) -> str:
    """A name without case, accents, blanks and signs: what two spellings of it share."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[\W_]+", "", "".join(one for one in letters if not unicodedata.combining(one)))


def spellings(present: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return how a file writes each of the ``names``: as it stands, or with other case and blanks if once."""
    written = {name: name for name in names}
    for name in written.keys() - set(present):
        others = [one for one in present if plain(one) == plain(name)]
        if len(others) == 1:
            written[name] = others[0]
    return written


def nearest(column: str, present: Sequence[str]) -> str | None:
    """The column that was probably meant."""
    by_lower = {one.lower(): one for one in present}
    near = difflib.get_close_matches(column.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None

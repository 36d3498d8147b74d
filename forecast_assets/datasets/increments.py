"""Sales of a store as the change of those before, so that a night writes what it brought.

Belongs here: which rows changed, and when all of them are written again.
Does not belong here: how rows and their change are put together (``stores.lake``).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.canonical import DAY_BITS
from forecast_assets.stores.lake import PLACE, Lake

# A larger change is written as a whole, and is what the next ones are a change of: so they stay small, and
# a night's reading of two files costs hardly more than that of one.
MOST_CHANGED = 0.05


def write_sales(lake: Lake, path: str, frame: pl.DataFrame, base: str | None) -> bool:
    """Write the canonical sales of a store as ``path``; return whether as a change of the file ``base``."""
    change = None if base is None else change_of(pl.DataFrame(lake.read_table(base)), frame)
    if base is None or change is None:
        lake.write_table(path, frame.to_arrow())
        return False
    lake.write_change(path, change.to_arrow(), base)
    return True


def change_of(base: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame | None:
    """Return how the rows of ``now`` differ from those of ``base``; ``None`` where most of it has to be said.

    Both are canonical sales of one store, sorted by product and date.
    """
    if base.schema != now.schema:
        return None
    (old, new), _ = day_keys([base, now])
    place = np.searchsorted(old, new)
    same = old[np.minimum(place, len(old) - 1)] == new
    at = place[same]
    for name in now.columns[2:]:
        equal = (
            base[name]
            .gather(at)
            .eq_missing(now[name].filter(pl.Series(same)) if not same.all() else now[name])
        )
        if not equal.all():
            same[np.flatnonzero(same)[~equal.to_numpy()]] = False
            at = place[same]
    is_gone = np.ones(len(base), np.bool_)
    is_gone[at] = False
    gone, added = np.flatnonzero(is_gone), np.flatnonzero(~same)
    if gone.size + added.size > MOST_CHANGED * len(base):
        return None
    places = [pl.Series(PLACE, values.astype(np.int32)) for values in (place[added], ~gone)]
    return pl.concat([now[added].with_columns(places[0]), pl.DataFrame([places[1]])], how="diagonal")


def day_keys(frames: Sequence[pl.DataFrame]) -> tuple[list[NDArray[np.int64]], list[str]]:
    """Return a rising number (n,) for every row of each frame, the same for equal product and date.

    And the products, whose places are the numbers above ``DAY_BITS``. Frames are sorted by product and date.
    """
    codes = [frame["product_id"].to_physical().to_numpy() for frame in frames]
    firsts = [np.flatnonzero(np.concatenate([[True], some[1:] != some[:-1]])) for some in codes]
    texts = [
        frame["product_id"][first].cast(pl.String).to_list()
        for frame, first in zip(frames, firsts, strict=True)
    ]
    names = sorted(set().union(*texts))
    rank = {name: place << DAY_BITS for place, name in enumerate(names)}
    keys = [
        np.repeat(np.array([rank[name] for name in some], np.int64), np.diff(first, append=len(frame)))
        + frame["date"].to_physical().to_numpy()
        for some, first, frame in zip(texts, firsts, frames, strict=True)
    ]
    return keys, names

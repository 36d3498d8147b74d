"""A heatmap of stores and products that stays readable from one row to thousands of columns.

Belongs here: drawing.
Does not belong here: the values of the cells.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from forecast_assets.rendering.plots import blank, picture

# More columns than this would be narrower than a reader can see: they go on in another band below.
_MOST_COLUMNS = 320
_MOST_LABELS = 60
_MISSING = "#d9d9d9"


def heatmap(title: str, cells: pl.DataFrame, scale: Mapping[str, float] | None, *, diverging: bool) -> str:
    """Draw ``cells`` (store_id, product_id, value), the highest means first; a Markdown image.

    Cividis for sizes, a map that diverges around zero for signed values; both can be told apart by
    colour-blind readers. Grey is missing.
    """
    from matplotlib import colormaps  # noqa: PLC0415 - a second that only a picture should cost
    from matplotlib.colors import Normalize, TwoSlopeNorm  # noqa: PLC0415

    stores, products = _ordered(cells, "store_id"), _ordered(cells, "product_id")
    values = _matrix(cells, stores, products)
    bands = [
        range(start, min(start + _MOST_COLUMNS, len(products)))
        for start in range(0, len(products), _MOST_COLUMNS)
    ]
    low, high = (0.0, 1.0) if scale is None else (scale["min"], scale["p95"])
    reach = max(abs(low), abs(high), 1e-9)
    norm: Normalize = TwoSlopeNorm(0, -reach, reach) if diverging else Normalize(low, max(high, low + 1e-9))
    colours = colormaps["PuOr" if diverging else "cividis"].with_extremes(bad=_MISSING)
    widest = max((len(band) for band in bands), default=1)
    size = (min(16, 3 + 0.22 * widest), 1.4 + max(1, len(bands)) * (0.3 + 0.16 * max(len(stores), 3)))
    figure = blank(size)
    axes = np.atleast_1d(figure.subplots(max(1, len(bands)), squeeze=True))
    drawn = None
    for place, band in zip(axes, bands, strict=False):
        drawn = place.imshow(values[:, band], norm=norm, cmap=colours, aspect="auto", interpolation="nearest")
        every = max(1, -(-len(stores) // _MOST_LABELS))
        place.set_yticks(range(0, len(stores), every), stores[::every], fontsize=6)
        step = max(1, -(-len(band) // _MOST_LABELS))
        place.set_xticks(
            range(0, len(band), step), [products[n] for n in band][::step], fontsize=5, rotation=90
        )
        place.set_xlim(-0.5, widest - 0.5)
    if drawn is not None:
        bar = figure.colorbar(drawn, ax=list(axes), location="top", fraction=0.05, aspect=60, extend="max")
        bar.ax.tick_params(labelsize=7)
        bar.set_label(f"{title}; grey = missing", fontsize=8)
    return picture(title, figure)


def _ordered(cells: pl.DataFrame, axis: str) -> list[str]:
    """Names of one axis, the highest mean first; those without any value last."""
    means = cells.group_by(axis).agg(pl.col("value").mean())
    ordered = means.sort(["value", axis], descending=[True, False], nulls_last=True)
    return [str(name) for name in ordered[axis]]


def _matrix(cells: pl.DataFrame, stores: list[str], products: list[str]) -> np.ma.MaskedArray:
    values = np.full((len(stores), len(products)), np.nan)
    row = {name: n for n, name in enumerate(stores)}
    column = {name: n for n, name in enumerate(products)}
    for store, product, value in cells.select("store_id", "product_id", "value").iter_rows():
        values[row[store], column[product]] = np.nan if value is None else value
    return np.ma.masked_invalid(values)

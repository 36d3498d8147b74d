"""Plots for Dagit: small PNG pictures inside Markdown.

Belongs here: drawing.
Does not belong here: choosing what to draw.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.frequency import DAY, MONTH, WEEK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers, too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_ACTUAL = "#000000"
# Ends of the bands of a fan by the share of cases between them, the widest first.
FAN: Mapping[int, tuple[str, str]] = {
    95: ("lower_95", "upper_95"),
    90: ("q05", "q95"),
    80: ("lower_80", "upper_80"),
    60: ("q20", "q80"),
    40: ("q30", "q70"),
    20: ("q40", "q60"),
}
_LABELLED = (95, 80, 40)


def blank(size: tuple[float, float]) -> "Figure":
    """An empty figure of so many inches, whose texts are shown as they are: ids may hold dollar signs."""
    import matplotlib as mpl  # noqa: PLC0415 - a second that only a picture should cost
    from matplotlib.figure import Figure  # noqa: PLC0415

    mpl.rcParams["text.parse_math"] = False
    return Figure(figsize=size, dpi=90, layout="constrained")


def fold_plot(
    title: str,
    days: Sequence[NDArray[np.datetime64]],
    actual: NDArray[np.float32],
    forecasts: Mapping[str, NDArray[np.float32]],
) -> str:
    """Draw actual against forecast over the folds and answer a Markdown image.

    ``days`` holds the dates of each fold, ``actual`` and every forecast are (k, h).
    """
    figure = blank((9, 2.8))
    axes = figure.subplots()
    for fold, dates in enumerate(days):
        first = fold == 0
        axes.plot(dates, actual[fold], color=_ACTUAL, linewidth=1, label="actual" if first else None)
        for colour, (name, values) in zip(COLOURS, forecasts.items(), strict=False):
            axes.plot(dates, values[fold], color=colour, linewidth=1.4, label=name if first else None)
        axes.axvline(dates[0], color="#999999", linewidth=0.6, linestyle=":")
    return _finished(figure, axes, title, dates)


class History(NamedTuple):
    """What was sold before a forecast: days and units (d,)."""

    days: NDArray[np.datetime64]
    units: NDArray[np.float32]


def forecast_plot(
    title: str,
    days: NDArray[np.datetime64],
    arrays: Mapping[str, NDArray[np.float32]],
    before: History,
) -> str:
    """Draw what was sold and a fan of all quantiles of what is forecast, and return a Markdown image.

    ``arrays`` holds ``units``, ``median`` and quantiles by name (``lower_95``, ``q20`` ...), each (h,); bands
    whose ends are missing or not known are left out.
    """
    figure = blank((9, 2.8))
    axes = figure.subplots()
    axes.plot(before.days, before.units, color=_ACTUAL, linewidth=1, label="actual")
    for level, (low, high) in FAN.items():
        if low in arrays and np.isfinite(arrays[low]).all():
            # Bands lie on each other, so that the colour deepens towards the median.
            axes.fill_between(
                days,
                arrays[low],
                arrays[high],
                color=COLOURS[0],
                alpha=0.12,
                lw=0,
                label=f"{level} %" if level in _LABELLED else None,
            )
    if "median" in arrays:
        axes.plot(days, arrays["median"], color=COLOURS[0], linewidth=1, linestyle="--", label="median")
    axes.plot(days, arrays["units"], color=COLOURS[0], linewidth=1.6, label="expected")
    return _finished(figure, axes, title, days)


def plan_plot(
    title: str, days: NDArray[np.datetime64], lines: Mapping[str, NDArray[np.float64]], before: History
) -> str:
    """Draw what was sold and several forecasts of the same days, each (h,), and answer a Markdown image."""
    figure = blank((9, 2.8))
    axes = figure.subplots()
    axes.plot(before.days, before.units, color=_ACTUAL, linewidth=1, label="actual")
    for colour, (name, values) in zip(COLOURS, lines.items(), strict=False):
        axes.plot(days, values, color=colour, linewidth=1.6, label=name)
    return _finished(figure, axes, title, days)


def _finished(figure: "Figure", axes: "Axes", title: str, dates: NDArray[np.datetime64]) -> str:
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_ylabel(f"units a {_period(dates)}", fontsize=8)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, loc="upper left", ncols=4, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return picture(title, figure)


def _period(dates: NDArray[np.datetime64]) -> str:
    """The word for what lies between two neighbouring dates."""
    gap = int(np.diff(dates[:2]).astype("timedelta64[D]").astype(int).sum())
    return next((one.name for one in (MONTH, WEEK) if gap >= int(one.days) - 2), DAY.name)


def picture(title: str, figure: "Figure") -> str:
    """A drawn figure as a Markdown image."""
    content = BytesIO()
    figure.savefig(content, format="png")
    return f"![{title}](data:image/png;base64,{b64encode(content.getvalue()).decode()})"

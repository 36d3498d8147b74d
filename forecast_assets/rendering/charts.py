"""Charts that compare candidates: bars of one metric, and lines over the folds.

Belongs here: drawing.
Does not belong here: choosing what to draw.
"""

from collections.abc import Mapping, Sequence

from forecast_assets.rendering.plots import COLOURS, blank, picture


def bars(title: str, values: Mapping[str, float], unit: str) -> str:
    """One horizontal bar per name with its value beside it, the first one on top; a Markdown image."""
    figure = blank((7, 0.8 + 0.3 * max(len(values), 1)))
    axes = figure.subplots()
    drawn = axes.barh(list(values), list(values.values()), color=COLOURS[0], height=0.6)
    axes.bar_label(drawn, fmt=" {:,.2f}", fontsize=7)
    axes.axvline(0, color="#000000", linewidth=0.8)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return picture(title, figure)


def lines(title: str, values: Mapping[str, Sequence[float]], unit: str) -> str:
    """One line per name over the folds, the oldest fold first; a Markdown image."""
    figure = blank((7, 3))
    axes = figure.subplots()
    marks = "osD^vP*Xhp"
    for position, (name, series) in enumerate(values.items()):
        axes.plot(
            range(1, len(series) + 1),
            series,
            label=name,
            color=COLOURS[position % len(COLOURS)],
            marker=marks[position % len(marks)],
            linewidth=1.2,
            markersize=4,
        )
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xlabel("fold, the oldest first", fontsize=8)
    axes.set_ylabel(unit, fontsize=8)
    axes.set_xticks(range(1, 1 + max(map(len, values.values()), default=1)))
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    if values:
        axes.legend(fontsize=7, ncols=4, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.2))
    axes.spines[["top", "right"]].set_visible(False)
    return picture(title, figure)

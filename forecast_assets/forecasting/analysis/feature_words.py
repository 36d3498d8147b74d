"""What a feature of a global model says, in words of a planner.

Belongs here: one phrase per feature.
Does not belong here: how features are computed (``core.features``).
"""

from collections.abc import Mapping

from forecast_assets.forecasting.core.frequency import DAY, Frequency

_COUNTS = {1: "", 2: "two ", 3: "three ", 4: "four ", 8: "eight "}
_PLAIN: Mapping[str, str] = {
    "log_level": "how much it sells lately",
    "last": "sales of the newest {period}",
    "days_since_sale": "{period}s since the last sale",
    "age": "{period}s since its first sales",
    "step": "how many {period}s ahead",
    "year_ago": "sales a year before",
    "season": "how sales changed at this time a year before",
    "weekday": "the weekday",
    "day_of_month": "the place in the month",
    "year_sin": "the time of the year",
    "year_cos": "the time of the year",
    "days_to_year_end": "days to the end of the year",
}
_WINDOWS: Mapping[str, str] = {
    "mean": "mean of the last {size} {period}s",
    "spread": "how much the last {size} {period}s differ",
    "zeros": "share of the last {size} {period}s without a sale",
    "season_mean": "mean of the same {period} of the last {count}years",
    "weekday_mean": "mean of the last {count}{weekday}s",
}
_KNOWN: Mapping[str, str] = {
    "": "{name} on the {period}",
    "change": "{name} against what is usual",
    "ratio": "{name} against what is usual",
    "like": "sales of {period}s with the same {name}",
}


def in_words(feature: str, frequency: Frequency, weekday: str) -> str:
    """Return what ``feature`` says of a target on a ``weekday``, such as Monday, where periods are days."""
    words = {"period": frequency.name, "weekday": weekday}
    kind, _, name = feature.partition(".")
    if kind == "known":
        column, _, part = name.partition(":")
        return _KNOWN[part].format(name=column.replace("_", " "), **words)
    if kind == "static":
        return f"its {name.replace('_', ' ')}"
    if feature in _PLAIN:
        return _PLAIN[feature].format(**words)
    window, _, size = feature.rpartition("_")
    count = _COUNTS.get(int(size), f"{size} ")
    text = _WINDOWS[window].format(size=size, count=count, **words)
    if int(size) > 1:
        return text
    if window == "weekday_mean":
        return f"sales of the last {weekday}"
    return text.replace("the last 1 ", "the newest ").replace(f"{frequency.name}s", frequency.name)


def weekday_of(frequency: Frequency, day: object) -> str:
    """Return the name of a date's weekday, or nothing where periods are longer than days."""
    return f"{day:%A}" if frequency == DAY else ""

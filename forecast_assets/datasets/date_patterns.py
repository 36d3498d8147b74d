"""How dates are written: found from some of them.

Belongs here: the formats that people use for days, weeks and months, and telling which one fits.
Does not belong here: reading dates (``dates``), completing weeks and months (``sources.date_formats``).
"""

import polars as pl

from forecast_assets.datasets.sources.date_formats import labelled, parsed
from forecast_assets.errors import BadSetting

_MOST_FORMATS = 0.9
_NUMERIC = (
    "%Y-%m-%d %Y/%m/%d %Y.%m.%d %Y%m%d %d.%m.%Y %d.%m.%y %d/%m/%Y %m/%d/%Y "
    "%d/%m/%y %m/%d/%y %d-%m-%Y %m-%d-%Y"
)
_IN_WORDS = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_FORMATS = (*_NUMERIC.split(), *_IN_WORDS)
_ISO_WEEKS = ("%G-W%V", "%GW%V", "%G W%V", "%G/W%V", "W%V/%G", "W%V-%G", "W%V %G", "%V/%G", "%G%V")
_GERMAN_WEEKS = ("KW%V/%G", "KW%V-%G", "KW%V %G", "KW %V/%G", "KW %V %G")
_MONTHS = ("%Y-%m", "%m/%Y", "%m.%Y", "%Y/%m", "%Y%m", "%YM%m", "%b-%y", "%b %Y", "%B %Y")
_WEEKS = (*_ISO_WEEKS, *_GERMAN_WEEKS)
_TIME = r"[ T][0-9]{1,2}:[0-9]{2}.*$"


def find_date_format(texts: pl.Series, name: str) -> str | None:
    """Return how the dates ``texts`` are written; ``None`` where nothing need be said or no format fits.

    YYYY-MM-DD, 2024-W07 and 2024-07 are read as they are. Raises ``BadSetting`` where two formats fit that
    give different days.
    """
    plain = texts.str.replace(_TIME, "")
    if plain.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$").sum() > _MOST_FORMATS * len(plain):
        return None
    if labelled(plain).is_not_null().sum() > _MOST_FORMATS * len(plain):
        return None
    for formats in (_FORMATS, _MONTHS, _WEEKS):
        read = {one: _read(plain, one) for one in formats}
        best = max(int(days.is_not_null().sum()) for days in read.values())
        if best >= _MOST_FORMATS * len(texts):
            break
    else:
        return None
    fitting = {one: days for one, days in read.items() if days.is_not_null().sum() == best}
    first, *others = fitting
    if differing := [one for one in others if not fitting[one].equals(fitting[first])]:
        raise BadSetting(
            f"{name}: dates such as {texts[0]!r} can be read in two ways",
            remedy=" or ".join(f"--date-format {one}" for one in (first, *differing)),
        )
    return first


def _read(texts: pl.Series, date_format: str) -> pl.Series:
    days = parsed(texts, date_format)
    return days.set((days.dt.year() < 1970).fill_null(value=True), None)  # noqa: PLR2004 - no sales before

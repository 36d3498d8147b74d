"""How dates are written: found from some of them.

Belongs here: the formats that people use for days, weeks and months, and telling which one fits.
Does not belong here: reading dates (``dates``), completing weeks and months (``sources.date_formats``).
"""

import polars as pl

from forecast_assets.datasets.sources.date_formats import labelled, parsed
from forecast_assets.errors import BadSetting

_MOST_FORMATS = 0.9
# No sales before, and no plans behind.
_YEARS = (1970, 2100)
_NUMERIC = (
    "%Y-%m-%d %Y/%m/%d %Y.%m.%d %Y%m%d %d.%m.%Y %d.%m.%y %d/%m/%Y %m/%d/%Y "
    "%d/%m/%y %m/%d/%y %d-%m-%Y %m-%d-%Y %d-%m-%y %m-%d-%y %y-%m-%d %y/%m/%d %y.%m.%d %d%m%Y %m%d%Y "
    "%Y-%j %Y%j %G-W%V-%u %GW%V%u"
)
_MARKS = ("-", "/", " ", "")
_IN_WORDS = (
    *(f"%d{one}%b{one}{year}" for one in _MARKS for year in ("%Y", "%y")),
    *(form.replace(" ", one) for one in _MARKS for form in ("%b %d %Y", "%Y %b %d")),
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d %Y",
    "%B %d, %Y",
)
_FORMATS = (*_NUMERIC.split(), "%d %m %Y", "%m %d %Y", "%Y %m %d", *_IN_WORDS)
# Six digits name a month more often than a day.
_SHORT = ("%y%m%d", "%d%m%y")
_ISO_WEEKS = ("%G-W%V", "%GW%V", "%G W%V", "%G/W%V", "W%V/%G", "W%V-%G", "W%V %G", "%V/%G", "%G%V")
_GERMAN_WEEKS = ("KW%V/%G", "KW%V-%G", "KW%V %G", "KW %V/%G", "KW %V %G")
_MONTHS_IN_WORDS = (form.replace(" ", one) for one in _MARKS for form in ("%b %Y", "%Y %b", "%B %Y"))
_MONTHS = (
    *("%Y-%m", "%m/%Y", "%m.%Y", "%m-%Y", "%Y/%m", "%Y%m", "%YM%m"),
    *_MONTHS_IN_WORDS,
    *("%b-%y", "%b/%y", "%b '%y", "%b'%y", "%b, %Y", "%B, %Y"),
)
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
    for formats in (_FORMATS, _MONTHS, _WEEKS, _SHORT):
        read = {one: _read(plain, one) for one in formats}
        best = max(int(days.is_not_null().sum()) for days in read.values())
        if best >= _MOST_FORMATS * len(texts):
            break
    else:
        return None
    fitting = {one: days for one, days in read.items() if days.is_not_null().sum() == best}
    # A day that is read as a year spreads one year of sales over thirty.
    years = {one: days.dt.year().n_unique() for one, days in fitting.items()}
    fitting = {one: days for one, days in fitting.items() if years[one] == min(years.values())}
    first, *others = fitting
    if differing := [one for one in others if not fitting[one].equals(fitting[first])]:
        raise BadSetting(
            f"{name}: dates such as {texts[0]!r} can be read in two ways",
            remedy=" or ".join(f"--date-format {one}" for one in (first, *differing)),
        )
    return first


def _read(texts: pl.Series, date_format: str) -> pl.Series:
    days = parsed(texts, date_format)
    return days.set(~days.dt.year().is_between(*_YEARS).fill_null(value=False), None)

"""Days as people write them, and today.

Belongs here: reading one day of an option, a field or a request.
Does not belong here: days in files (``datasets.sources``) and in our own records.
"""

import datetime as dt
from typing import overload

from forecast_assets.errors import BadSetting

# Somewhere on earth it is already tomorrow: a store there may have sold on a day that UTC has not begun.
_FIRST_ZONE = dt.timezone(dt.timedelta(hours=14))


@overload
def read_day(name: str, text: str) -> dt.date: ...
@overload
def read_day(name: str, text: str | None) -> dt.date | None: ...


def read_day(name: str, text: str | None) -> dt.date | None:
    """Return the day that ``text`` writes as YYYY-MM-DD, or ``None`` for ``None``.

    Raises ``BadSetting`` that names the option or field ``name``.
    """
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise BadSetting(f"{name}: {text!r} is no day", remedy=f"write {name} as YYYY-MM-DD") from None


def today() -> dt.date:
    """Return the newest calendar day anywhere."""
    return dt.datetime.now(_FIRST_ZONE).date()

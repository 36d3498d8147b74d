"""Bounds of settings: one sentence for every number that is out of them.

Belongs here: refusing a number outside its bounds.
Does not belong here: which bounds a setting has; its owner states them.
"""

from forecast_assets.errors import BadSetting


def check_whole(setting: str, value: int, low: int, high: int | None = None) -> None:
    """Raise ``BadSetting`` unless ``value`` is whole and from ``low`` to ``high`` (``None``: no limit)."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise BadSetting(f"{setting} is {value!r}", remedy=f"set {setting} to a whole number {allowed}")


def check_share(setting: str, value: float) -> None:
    """Raise ``BadSetting`` unless ``value`` lies strictly between 0 and 1."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < 1:
        raise BadSetting(f"{setting} is {value!r}", remedy=f"set {setting} to a number between 0 and 1")

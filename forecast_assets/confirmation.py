"""What a person types before something cannot be taken back: a dry run says what, the same words do it.

Belongs here: the one comparison and its sentence.
Does not belong here: what is confirmed, and by whom.
"""

from forecast_assets.errors import BadSetting


def check_confirmation(typed: str, expected: str, *, would: str | None = None) -> None:
    """Raise ``BadSetting`` unless a person typed exactly the ``expected`` words.

    Where there is no dry run, ``would`` says what is confirmed.
    """
    if typed == expected:
        return
    problem = f"the confirmation is {typed!r}" if typed else "nothing was confirmed"
    if would is None:
        raise BadSetting(problem, remedy=f"look at the dry run, then type: {expected}")
    raise BadSetting(f"{problem}; it would {would}", remedy=f"to do it, confirm with: {expected}")

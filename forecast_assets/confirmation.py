"""What a person types before something cannot be taken back: a dry run says what, the same words do it.

Belongs here: the one comparison and its sentence.
Does not belong here: what is confirmed, and by whom.
"""

from forecast_assets.errors import BadSetting


def check_confirmation(typed: str, expected: str) -> None:
    """Raise ``BadSetting`` unless a person typed exactly the ``expected`` words."""
    if typed != expected:
        raise BadSetting(
            f"the confirmation is {typed!r}" if typed else "nothing was confirmed",
            remedy=f"look at the dry run, then type: {expected}",
        )

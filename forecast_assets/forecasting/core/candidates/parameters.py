"""Values of parameters as labels write them.

Belongs here: reading and writing one value.
Does not belong here: which parameters a candidate has (``catalogue``).
"""


def value_of(text: str) -> object:
    """Return what a parameter says: a truth value, a number, nothing, or the text itself."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None if text.lower() == "none" else text


def value_text(value: object) -> str:
    """Return a parameter as it is written in a label."""
    return str(value).lower() if isinstance(value, bool) else f"{value}"

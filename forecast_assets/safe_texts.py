"""Texts that leave the system: one line, bounded, without a secret.

Belongs here: taking secrets, control characters and excess length out of a text.
Does not belong here: what a text says.
"""

import re

from pydantic import SecretStr

from forecast_assets.settings import settings

_LONGEST = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_PASSWORD = re.compile(r"(\w://[^/\s:@]*):[^@\s]*@")
_HIDDEN = "***"


def safe(text: str) -> str:
    """One line of bounded length without control characters and without any secret that we know."""
    for secret in _secrets():
        text = text.replace(secret, _HIDDEN)
    text = _PASSWORD.sub(rf"\1:{_HIDDEN}@", _CONTROL.sub(" ", text)).strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _secrets() -> list[str]:
    configuration = settings()
    values = [getattr(configuration, name) for name in type(configuration).model_fields]
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

"""Values that settings may have.

Belongs here: checks that need nothing but the value, in words that never repeat a secret.
Does not belong here: the settings (``settings``).
"""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr


def check_zone(name: str) -> str:
    """Return the name of a time zone. Raises ``ValueError``."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("give a time zone such as UTC or Europe/Berlin") from None
    return name


def _addressed(secret: SecretStr, schemes: tuple[str, ...]) -> SecretStr:
    """Refuse an address without ever repeating it."""
    try:
        where = urlsplit(secret.get_secret_value())
        usable = where.scheme in schemes and bool(where.hostname) and where.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"give an address that begins with {' or '.join(f'{s}://' for s in schemes)}")
    return secret


def check_https(secret: SecretStr) -> SecretStr:
    """Return an https address. Raises ``ValueError``."""
    return _addressed(secret, ("https",))


def check_smtp(secret: SecretStr) -> SecretStr:
    """Return the address of a mail server. Raises ``ValueError``."""
    return _addressed(secret, ("smtps", "smtp"))


def check_web(address: str) -> str:
    """Return an address that a browser opens. Raises ``ValueError``."""
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ValueError("give an address that begins with http:// or https://")
    return address

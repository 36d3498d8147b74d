"""Bounds of settings: one sentence for every value that is out of them.

Belongs here: stating bounds beside a field, telling them to people, refusing what lies outside.
Does not belong here: which bounds a setting has; its owner states them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from forecast_assets.errors import BadSetting

_RULE = "rule"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field may hold: a test and the words that complete "set it to ..."."""

    allows: Callable[[Any], bool]
    allowed: str


def check_whole(setting: str, value: int, low: int, high: int | None = None) -> None:
    """Raise ``BadSetting`` unless ``value`` is whole and from ``low`` to ``high`` (``None``: no limit)."""
    _check(setting, value, whole_rule(low, high))


class Checked:
    """Base of dataclasses whose fields state rules: who breaks one raises ``BadSetting``."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for one in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            if _RULE in one.metadata:
                _check(one.name, getattr(self, one.name), one.metadata[_RULE])


def rules_of(kind: type) -> dict[str, tuple[Any, str]]:
    """Name, default and allowed values of every field that states a rule."""
    return {
        one.name: (one.default, one.metadata[_RULE].allowed) for one in fields(kind) if _RULE in one.metadata
    }


def ruled(default: object, rule: Rule) -> Any:  # noqa: ANN401 - a dataclass field
    """A field with a rule of its own."""
    return field(default=default, metadata={_RULE: rule})


def whole(default: int, low: int, high: int | None = None) -> Any:  # noqa: ANN401 - a dataclass field
    """A field for a whole number from ``low`` to ``high``."""
    return ruled(default, whole_rule(low, high))


def share(default: float) -> Any:  # noqa: ANN401 - a dataclass field
    """A field for a number strictly between 0 and 1."""
    return ruled(default, SHARE)


def number(default: float, low: float, high: float) -> Any:  # noqa: ANN401 - a dataclass field
    """A field for a number from ``low`` to ``high``."""
    return ruled(default, number_rule(low, high))


def choice(default: object, *options: object) -> Any:  # noqa: ANN401 - a dataclass field
    """A field for one of ``options``."""
    return ruled(default, choice_rule(*options))


def flag(*, default: bool = False) -> Any:  # noqa: ANN401 - a dataclass field
    """A field that is true or false."""
    return ruled(default=default, rule=Rule(lambda value: isinstance(value, bool), "true or false"))


def optional(rule: Rule, default: object = None) -> Any:  # noqa: ANN401 - a dataclass field
    """A field that may be ``None``."""
    return ruled(default, Rule(lambda value: value is None or rule.allows(value), f"{rule.allowed}, or none"))


def whole_rule(low: int, high: int | None = None) -> Rule:
    """A whole number from ``low`` to ``high`` (``None``: no limit)."""
    allowed = f"of at least {low}" if high is None else f"from {low} to {high}"
    return Rule(
        lambda value: (
            isinstance(value, int)
            and not isinstance(value, bool)
            and value >= low
            and (high is None or value <= high)
        ),
        f"a whole number {allowed}",
    )


def number_rule(low: float, high: float) -> Rule:
    """A number from ``low`` to ``high``."""
    return Rule(lambda value: _number(value) and low <= value <= high, f"a number from {low:g} to {high:g}")


def choice_rule(*options: object) -> Rule:
    """One of ``options``."""
    choices = " or ".join(
        str(option).lower() if isinstance(option, bool) else str(option) for option in options
    )
    allowed = {(type(option), option) for option in options}
    return Rule(lambda value: (type(value), value) in allowed, choices)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


SHARE = Rule(lambda value: _number(value) and 0 < value < 1, "a number between 0 and 1")


def _check(setting: str, value: object, rule: Rule) -> None:
    if not rule.allows(value):
        raise BadSetting(f"{setting} is {value!r}", remedy=f"set {setting} to {rule.allowed}")

"""Tests that take minutes run only when they are asked for by their marker.

Belongs here: leaving them out otherwise.
Does not belong here: the tests.
"""

import pytest


def leave_out(marker: str, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests with ``marker`` unless ``-m`` names it."""
    if marker in config.option.markexpr:
        return
    unasked = [item for item in items if item.get_closest_marker(marker)]
    items[:] = [item for item in items if item not in unasked]
    config.hook.pytest_deselected(items=unasked)

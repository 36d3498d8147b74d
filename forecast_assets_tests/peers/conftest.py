"""Comparisons with other libraries take minutes: they run only when asked for by ``-m peers``."""


def pytest_collection_modifyitems(config, items):
    if "peers" in config.option.markexpr:
        return
    unasked = [item for item in items if item.get_closest_marker("peers")]
    items[:] = [item for item in items if item not in unasked]
    config.hook.pytest_deselected(items=unasked)

"""LightGBM's native interface, imported without what only its other interfaces need.

Belongs here: importing it.
Does not belong here: training and predicting (``boosting``).
"""

import importlib
import sys
from functools import lru_cache
from threading import Lock
from typing import Any

# Optional to LightGBM, and five sixths of the three seconds that its import takes.
_OPTIONAL = ("sklearn", "pandas")
_importing = Lock()


@lru_cache(maxsize=1)
def lightgbm_library() -> Any:  # noqa: ANN401 - a module
    """Return LightGBM for arrays.

    Where nobody has imported it or scikit-learn, this is a copy of our own, which knows no estimators:
    whoever imports ``lightgbm`` afterwards gets the whole of it.
    """
    with _importing:
        if any(name in sys.modules for name in ("lightgbm", "sklearn")):
            return importlib.import_module("lightgbm")
        absent: dict[str, Any] = {name: None for name in _OPTIONAL if name not in sys.modules}
        sys.modules.update(absent)  # None: as if it were not installed
        try:
            return importlib.import_module("lightgbm")
        finally:
            for name in [*absent, *(one for one in sys.modules if one.partition(".")[0] == "lightgbm")]:
                sys.modules.pop(name, None)

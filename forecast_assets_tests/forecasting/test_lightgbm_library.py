"""Our copy of LightGBM is small, the same in numbers, and nobody else's."""

import subprocess
import sys

_PROGRAM = """
import sys
import pyarrow
pyarrow.array([1.0])  # which imports pandas
from forecast_assets.forecasting.core.lightgbm_library import lightgbm_library
ours = lightgbm_library()
import numpy as np
rows = np.random.default_rng(0).random((200, 3))
settings = {"verbosity": -1, "deterministic": True, "force_col_wise": True, "num_threads": 1}

def text(library):
    return library.train(settings, library.Dataset(rows, rows.sum(axis=1)), 3).model_to_string()

first = text(ours)
assert not {"sklearn", "lightgbm"} & set(sys.modules)
import lightgbm
whole = lightgbm.LGBMRegressor(n_estimators=2, verbosity=-1).fit(rows, rows.sum(axis=1))
assert whole.predict(rows).shape == (200,)
assert text(lightgbm) == first == text(ours)
"""


def test_it_imports_no_estimators_trains_the_same_model_and_leaves_the_whole_library_to_others():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

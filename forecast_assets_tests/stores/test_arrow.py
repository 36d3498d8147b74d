"""Arrow looks at lists without pandas, and still makes frames of it."""

import subprocess
import sys

_PROGRAM = """
import sys
import pyarrow as pa
from forecast_assets.stores.arrow import leave_pandas_out
leave_pandas_out()
pa.array([1, 2]).fill_null(0)
assert "pandas" not in sys.modules
assert pa.table({"units": [1, 2]}).to_pandas()["units"].sum() == 3
import pandas as pd
assert pa.Table.from_pandas(pd.DataFrame({"units": [1]})).num_rows == 1
"""


def test_pandas_comes_in_where_a_frame_of_it_is_needed_and_not_before():
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)

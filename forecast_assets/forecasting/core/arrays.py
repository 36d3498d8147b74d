"""The types of arrays by which signatures say what they hold; each name means one dtype.

Belongs here: a name per dtype, and names of what arrays of forecasting hold.
Does not belong here: shapes, which docstrings say.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Floats = NDArray[np.float32]
Numbers = NDArray[np.floating]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Dates = NDArray[np.datetime64]
Units = NDArray[np.float32]
Forecasts = NDArray[np.float32]
Positions = NDArray[np.int64]

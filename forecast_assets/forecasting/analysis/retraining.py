"""What should be trained again first, and which champions in use are out of date?

Belongs here: the priority of a series in the retraining queue, and the staleness of a champion alias.
Does not belong here: drift, which is deliberately no part of the priority (``drift``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Values

OLDEST, WORST = 90, 100
_AGE, _ERROR = 0.6, 0.4

NOT_SUCCESSFUL = "run_not_success"
OTHER_FRAME = "feature_frame_version_mismatch"
NEWER = "newer_success_run"
UNVERIFIED = "artifact_not_verified"


def priority(staleness_days: NDArray[np.floating], wape: NDArray[np.floating]) -> Values:
    """Score series (n,) from 0 to 1: 60 % age of what was learned, 40 % WAPE in percent; 4 decimals.

    Age counts up to 90 days and WAPE up to 100 %; an unknown WAPE (NaN) counts nothing.
    """
    age = np.clip(staleness_days, 0, OLDEST) / OLDEST
    error = np.clip(np.nan_to_num(wape, nan=0.0, posinf=WORST), 0, WORST) / WORST
    score: Values = np.round(_AGE * age + _ERROR * error, 4)
    return score


@dataclass(frozen=True, slots=True)
class Trained:
    """One evaluation of a series: what an alias points to, or the newest one that succeeded."""

    run_id: str
    successful: bool = True
    feature_frame: int = 1
    verified: bool = True


def stale_reason(alias: Trained, newest: Trained | None) -> str | None:
    """Say why an alias is out of date; ``None`` while it is fresh. The first rule that fits decides.

    An artifact that does not match its hash is the urgent one. Another feature frame wins over age.
    """
    if not alias.verified:
        return UNVERIFIED
    if not alias.successful:
        return NOT_SUCCESSFUL
    if newest is None or newest.run_id == alias.run_id:
        return None
    return OTHER_FRAME if newest.feature_frame != alias.feature_frame else NEWER

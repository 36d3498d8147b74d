"""The status of a pipeline in its own words.

Belongs here: what stands where its record is shown.
Does not belong here: the status that all launches have (``model``); anything that needs Dagster.
"""

from forecast_assets.launches.model import Launch

_WORDS = {"failed": "error", "cancelled": "stopped", "partial": "stopped"}


def word(launch: Launch) -> str:
    """Return success, stopped or error once a pipeline is over, else its status."""
    if launch.status == "completed":
        return "success" if launch.result.get("training") else "stopped"
    return _WORDS.get(launch.status, launch.status)

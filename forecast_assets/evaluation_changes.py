"""What a person changes for one evaluation, on a command line or in a Launchpad.

Belongs here: the settings of an evaluation, each of which may stay unset.
Does not belong here: what the settings mean (``evaluation_settings``); anything that needs Dagster.
"""

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from forecast_assets.derived import optional
from forecast_assets.evaluation_settings import EvaluationSettings

if TYPE_CHECKING:

    class Changes(BaseModel):
        """What type checkers need to know of: the fields that code names."""

        candidates: list[str] | None = None

else:
    Changes = optional(EvaluationSettings, unset="Unset: as the dataset says.")


class EvaluationChanges(Changes):
    """How to look back. What is left empty is taken from the dataset, so that results stay comparable."""

    force: bool = Field(default=False, description="Compute again even where nothing has changed.")

    def changes(self) -> dict[str, object]:
        """Return what differs from the dataset's own settings, by the names of ``EvaluationSettings``."""
        names = set(EvaluationSettings.model_fields)
        return self.model_dump(include=names, exclude_none=True, mode="json")

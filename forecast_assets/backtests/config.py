"""What a person fills in to evaluate.

Belongs here: the fields of the Launchpad, derived from the settings of an evaluation.
Does not belong here: what the settings mean (``evaluation_settings``).
"""

from typing import TYPE_CHECKING

from pydantic import Field

from forecast_assets.derived import optional_config
from forecast_assets.evaluation_settings import EvaluationSettings

if TYPE_CHECKING:
    import dagster as dg

    class Changes(dg.Config):
        """What type checkers need to know of: the fields that code names."""

        candidates: list[str] | None = None

else:
    Changes = optional_config(EvaluationSettings, unset="Unset: as the dataset says.")


class EvaluationConfig(Changes):
    """How to look back. What is left empty is taken from the dataset, so that results stay comparable."""

    force: bool = Field(default=False, description="Compute again even where nothing has changed.")

    def changes(self) -> dict[str, object]:
        """What differs from the dataset's own settings, by the names of ``EvaluationSettings``."""
        names = set(EvaluationSettings.model_fields)
        return self.model_dump(include=names, exclude_none=True, mode="json")

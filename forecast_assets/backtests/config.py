"""What a person fills in to evaluate.

Belongs here: the fields of the Launchpad, derived from the settings of an evaluation.
Does not belong here: what the settings mean (``evaluation_settings``).
"""

import dagster as dg

from forecast_assets.evaluation_changes import EvaluationChanges


class EvaluationConfig(dg.Config, EvaluationChanges):
    """How to look back. What is left empty is taken from the dataset, so that results stay comparable."""

"""Why did a run fail? Read in Dagster's record of it, which is there sooner than Dagster is imported.

Belongs here: the words in a stored event, and what they say.
Does not belong here: how a run fails (``failures``).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forecast_assets.stores import Stores
from forecast_assets.stores.rows.operations import FailedStepsRow

_OURS = "forecast_assets."
_NOTHING_TO_DO = "open the run and read its failed step"


@dataclass(frozen=True, slots=True)
class Why:
    """Why a run failed, and what to do; ``code`` is the class of an expected error."""

    problem: str
    remedy: str
    code: str | None = None


def why_failed(stores: Stores, run_id: str) -> Why:
    """Return why a run failed: in our own words where its first failed step gave them."""
    step = stores.warehouse.row(FailedStepsRow, run_id=run_id)
    if step is None:
        return Why(
            "its process ended without a word",
            "launch it again; look at the machine's memory if it recurs",
        )
    failure = json.loads(step["event"])["dagster_event"]["event_specific_data"]
    return _in_own_words(failure["user_failure_data"]) or _in_words_of(failure["error"])


def _in_own_words(own: Mapping[str, Any] | None) -> Why | None:
    if own is None or not own["description"]:
        return None
    entries = {entry["label"]: entry["entry_data"] for entry in own["metadata_entries"]}
    return _worded(own["description"], entries.get("code", {}).get("text"))


def _in_words_of(error: Mapping[str, Any] | None) -> Why:
    errors = list(_causes(error))
    if not errors:
        return Why("no reason was recorded", _NOTHING_TO_DO)
    for one in errors:
        name, _, sentence = one["message"].partition(": ")
        if name.startswith(_OURS):
            return _worded(sentence, one["cls_name"])
    # Dagster's own errors around what a step raises name the step and no reason.
    raised = [one for one in errors if not one["message"].startswith("dagster.")]
    return _worded((raised or errors)[0]["message"], None)


def _causes(error: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    while error is not None:
        yield error
        error = error["cause"]


def _worded(text: str, code: str | None) -> Why:
    problem, _, remedy = text.partition("\n  -> ")
    return Why(problem.strip().partition("\n")[0], remedy.strip() or _NOTHING_TO_DO, code)

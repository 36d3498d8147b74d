"""Whatever is filled into a Launchpad: refused with a remedy, or done; never a traceback of ours."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast_assets.definitions import defs
from forecast_assets.stores.resource import RegistryResource
from forecast_assets_tests.scenario import HEALTHY, Place, shop

JOBS = (
    *("batch", "prioritise_batch", "promote_batch_champions", "compare_candidates", "model_pipeline"),
    *("change_workspace", "replay_workspace", "retrain", "promote_champions", "rollback_champions"),
    *("evaluate_changed", "what_if", "compare_plans"),
)
# What makes sense in a field of that name, so that a form gets past its first check now and then.
PLAUSIBLE_VALUES: dict[str, list[Any]] = {
    "dataset": ["shop", "shop", "none"],
    "series": [[HEALTHY], HEALTHY, ["shop__A__P99"], []],
    "candidates": [["naive"], ["naiv"], ["naive"] * 2, [], None],
    "scope": ["manual", "demo", "region", "everything"],
    "confirm": ["", "yes", "shop", "retrain shop"],
    "requested_by": ["ann", ""],
    "dry_run": [True],
    "apply": [True, False],
}
HOSTILE = [
    *("", "..", "'; drop table champion; --", "=1+1", "a\nb", "\u202eabc", "\U0001f600", "A" * 5000, "\x00"),
    *(0, -1, 10**9, 2**70, 1.5, float("inf"), True, None, [], ["x"], [None], {}, {"a": 1}),
]


class Form(NamedTuple):
    """A job of one op, and the fields that its configuration has."""

    job: str
    op: str
    fields: dict[str, dg.Field]


def forms() -> list[Form]:
    """The Launchpad's forms."""
    launchpad_forms = []
    for name in JOBS:
        (node,) = defs.resolve_job_def(name).nodes
        op: Any = node.definition
        launchpad_forms.append(Form(name, node.name, dict(op.config_schema.config_type.fields)))
    return launchpad_forms


FORMS = forms()


@st.composite
def launches(draw: st.DrawFn) -> tuple[Form, dict[str, Any]]:
    """A form filled in: what is required, and some of the rest, with sense or without."""
    form = draw(st.sampled_from(FORMS))
    config = {}
    for name, field in form.fields.items():
        if field.is_required or draw(st.integers(0, 3)) == 0:
            sense = PLAUSIBLE_VALUES.get(name, ["x", 1, ["naive"]])
            config[name] = draw(st.sampled_from(sense) | st.sampled_from(HOSTILE))
    return form, config


@pytest.fixture(scope="module")
def filled(open_place, mlflow_beside, tmp_path_factory) -> Iterator[Place]:
    with (
        open_place(tmp_path_factory.mktemp("launches")) as place,
        mlflow_beside(os.environ["FORECAST_DATABASE_URL"]),
    ):
        place.prepare("shop", shop())
        yield place


def refusal(place: Place, form: Form, config: dict[str, Any]) -> str | None:
    """Why a launch was refused; nothing when it was done."""
    job = defs.resolve_job_def(form.job)
    try:
        result = job.execute_in_process(
            instance=place.instance,
            resources={"stores": place.resource, "registry": RegistryResource()},
            run_config={"ops": {form.op: {"config": config}}},
            raise_on_error=False,
        )
    except dg.DagsterInvalidConfigError as refused:
        return str(refused)
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    if not failures:
        return None
    error = failures[0].error
    assert error is not None
    failure = failures[0].user_failure_data
    if failure is None:  # a field's own bounds, which are checked before the op begins
        assert "Invalid" in str(error.cls_name) or "ValidationError" in error.to_string(), error.to_string()
        return error.message
    assert failure.description, "a refusal says what is wrong"
    return failure.description


def test_any_form_is_refused_in_words_or_done(filled):
    seen: dict[str, int] = {}

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(launches())
    def launched(filled_in: tuple[Form, dict[str, Any]]) -> None:
        form, config = filled_in
        before = filled.table("champion"), filled.table("promotion")
        if refusal(filled, form, config) is not None:
            seen[form.job] = seen.get(form.job, 0) + 1
            if form.job not in {"evaluate_changed", "retrain"}:
                assert (filled.table("champion"), filled.table("promotion")) == before

    launched()
    assert len(seen) > len(JOBS) / 2, "most forms were refused at least once"

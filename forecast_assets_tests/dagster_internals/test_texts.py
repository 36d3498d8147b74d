"""Texts of events are Dagster's own, letter by letter."""

import re

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData
from dagster._serdes import deserialize_value, serialize_value
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.dagster_internals import event_texts
from forecast_assets_tests.dagster_internals.test_storage import materialized

VALUES = st.one_of(
    st.text(),
    st.floats(),
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.just(dg.MetadataValue.md("**bold**")),
    st.just(dg.MetadataValue.json({"a": [1, None]})),
)


@given(
    materializations=st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(["wape", "sentence", "folds"]), VALUES, max_size=3),
            st.text(min_size=1),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_materialization_reads_as_dagster_would_write_it(materializations):
    subjects = [
        StepMaterializationData(dg.AssetMaterialization("champion", partition=key, metadata=metadata))
        for metadata, key in materializations
    ]
    text = event_texts.EventTexts()
    for subject in (*subjects, *subjects):
        assert text._subject(subject) == serialize_value(subject)


def test_tags_and_descriptions_are_kept():
    subject = StepMaterializationData(
        dg.AssetMaterialization("a", partition="p", description="d", tags={"dagster/data_version": "1"})
    )
    assert deserialize_value(event_texts.EventTexts()._subject(subject)) == subject


def test_neighbours_of_another_shape_do_not_share_a_text():
    text = event_texts.EventTexts()
    for metadata in ({"wape": 1.0}, {"wape": 2}, {"wape": "3"}, {"bias": 1.0}, {}):
        subject = StepMaterializationData(dg.AssetMaterialization("a", partition="p", metadata=metadata))
        assert text._subject(subject) == serialize_value(subject)


def test_an_event_that_cannot_be_cut_is_left_to_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_texts, "_HOLES", re.compile("no such hole"))
    events = [materialized("backtest", key) for key in "ab"]
    text = event_texts.EventTexts()
    assert [text(event) for event in events] == [serialize_value(event) for event in events]


def test_a_subject_that_cannot_be_cut_is_left_to_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_texts, "_cut", lambda _: ["{", "}"])
    subject = StepMaterializationData(dg.AssetMaterialization("a", partition="p", metadata={"wape": 1.0}))
    assert event_texts.EventTexts()._subject(subject) == serialize_value(subject)

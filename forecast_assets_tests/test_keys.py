"""Keys that survive every alphabet, and the ids that cannot."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_assets.errors import BadKey
from forecast_assets.keys import MAX_LENGTH, SeriesKey, check_id

_WORDS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=5)
IDS = st.builds(
    lambda words, by: by.join(words), st.lists(_WORDS, min_size=1, max_size=3), st.sampled_from("-._")
)


@given(IDS, IDS, IDS)
def test_a_key_read_back_is_the_key(dataset, store, product):
    key = SeriesKey(dataset, store, product)
    assert SeriesKey.parse(str(key)) == key
    assert str(key) == f"{dataset}__{store}__{product}"


@given(IDS, IDS, IDS)
def test_a_key_is_plain_in_commands_ranges_tags_and_model_names(dataset, store, product):
    text = str(SeriesKey(dataset, store, product))
    assert not set(text) & set(",/: \n|'\"")
    assert ".." not in text
    assert len(text) <= MAX_LENGTH
    assert text[0].isalnum()
    assert text[-1].isalnum()


@pytest.mark.parametrize(
    "wrong",
    [
        *("", " ", "S 1", "S,1", "S|1", "S/1", "S:1", "a...b", "a..b", "a__b", "..", "../../etc", "_a", "a_"),
        *("-a", "a.", "a\n", "a\0", "'", "'; drop table", "=1+1", "🥐", "é", "e\u0301", "a\u202eb", "\uff11"),
        "a-_b",
    ],
)
def test_an_id_outside_the_alphabet_is_refused_with_its_role(wrong):
    for role in ("dataset", "store", "product"):
        parts = {"dataset": "d", "store": "S", "product": "P", role: wrong}
        with pytest.raises(BadKey, match=role) as refused:
            SeriesKey(**parts)
        assert "letters and digits" in refused.value.remedy
    with pytest.raises(BadKey):
        check_id("store id", wrong)


def test_a_key_has_at_most_63_characters():
    longest = "P" * (MAX_LENGTH - len("d__S__"))
    assert len(str(SeriesKey("d", "S", longest))) == 63
    with pytest.raises(BadKey, match="64 characters"):
        SeriesKey("d", "S", longest + "P")


@pytest.mark.parametrize(
    "wrong", ["", "a", "a__b", "a__b__c__d", "a__b__", "__b__c", "a__b___c", "a__b__c\n"]
)
def test_what_is_no_key_is_not_read(wrong):
    with pytest.raises(BadKey):
        SeriesKey.parse(wrong)


def test_keys_sort_as_their_parts_where_no_part_begins_another():
    keys = [SeriesKey("d", store, product) for store in ("S1", "S2") for product in ("P1", "P2")]
    assert keys == sorted(keys) == sorted(keys, key=str)

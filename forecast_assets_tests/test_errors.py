"""Errors name the offender and the remedy, and refusals are not tried again."""

import dagster as dg
import pytest

from forecast_assets import errors
from forecast_assets.errors import BadSales, ForecastError, Outage, listed
from forecast_assets.failures import refusals_final

FAMILY = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ForecastError)
]


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_says_what_is_wrong_and_what_to_do(kind):
    error = kind("the file is empty", remedy="export it again")
    assert str(error) == "the file is empty\n  -> export it again"
    assert (error.problem, error.remedy) == ("the file is empty", "export it again")
    assert kind.__doc__


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, ""),
        (1, "s0"),
        (3, "s0, s1, s2"),
        (20, ", ".join(f"s{n}" for n in range(20))),
        (21, ", ".join(f"s{n}" for n in range(20)) + " and 1 more (21 in all)"),
    ],
)
def test_offenders_are_named_up_to_twenty_and_counted_beyond(count, message):
    assert listed([f"s{n}" for n in range(count)]) == message


def test_only_the_first_offenders_need_to_be_at_hand():
    assert listed([f"s{n}" for n in range(20)], 1000).endswith("s19 and 980 more (1,000 in all)")


def test_a_refusal_is_a_failure_that_is_not_retried_with_the_same_sentence():
    with pytest.raises(dg.Failure) as failed, refusals_final():
        raise BadSales("sales.csv: no row has units", remedy="fill the column")
    assert failed.value.description == "sales.csv: no row has units\n  -> fill the column"
    assert failed.value.allow_retries is False
    assert failed.value.metadata["code"].value == "BadSales"


@pytest.mark.parametrize("error", [Outage("gone", remedy="start it"), KeyError("a defect of ours")])
def test_an_outage_or_a_defect_passes_as_it_is(error):
    with pytest.raises(type(error)) as raised, refusals_final():
        raise error
    assert raised.value is error

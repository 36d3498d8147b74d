"""What-if on the command line."""

import pytest


@pytest.fixture
def forecast(cli):
    added = cli("dataset", "add", "demo", "--preset", "demo_minimal", "--stores", "1", "--products", "1",
                "--end", "2025-06-30", "--candidates", "naive,seasonal_naive", "--horizon", "7")  # fmt: skip
    assert added.code == 0, added.err
    assert cli("evaluate", "demo").code == 0
    (row,) = cli("export", "champions", "demo", "--format", "json").rows
    return row["series"]


def test_a_series_is_asked_kept_listed_compared_and_forgotten(cli, forecast):
    what_if = cli("what-if", forecast, "--promotion", "bogo", "--on-hand", "10", "--save", "promoted",
                  "--tag", "spring", "--format", "json")  # fmt: skip
    assert what_if.code == 0, what_if.err
    assert len(what_if.rows) == 7
    assert all(day["what_if"] == pytest.approx(1.4 * day["as_planned"]) for day in what_if.rows)
    assert "by heuristic; stock: stockout" in what_if.err
    assert cli("what-if", forecast, "--like", "promoted", "--price-change", "0.5", "--save", "dear").code == 0
    (listed,) = cli("plan", "list", "demo", "--tag", "spring", "--format", "json").rows
    assert (listed["name"], listed["tags"]) == ("promoted", "spring")
    assert cli("plan", "show", "promoted", "--format", "json").rows == what_if.rows
    ranked = cli("plan", "compare", "dear", "promoted", "--by", "units_delta", "--format", "json").rows
    assert [row["name"] for row in ranked] == ["promoted", "dear"]
    for name, discount in (("full", "0"), ("quarter", "0.25"), ("half", "0.5")):
        arguments = ("--promotion", "pct_off", "--discount", discount, "--save", name)
        assert cli("what-if", forecast, *arguments).code == 0
    compared = cli("plan", "compare", "full", "quarter", "half", "--format", "json").rows
    assert [row["name"] for row in compared] == ["full", "quarter", "half"]
    full, quarter, half = (row["revenue_delta"] for row in compared)
    assert full - half == pytest.approx(2 * (full - quarter)), "a discount is taken off the price"
    assert cli("plan", "delete", "dear").code == 0
    assert cli("plan", "show", "dear").code == 2


def test_assumptions_that_cannot_be_are_refused_and_nothing_is_kept(cli, forecast):
    for arguments in (["--price-change", "-2"], ["--holiday", "2031-01-01"], [], ["--save", "Bad Name"]):
        refused = cli("what-if", forecast, *arguments)
        assert refused.code == 2
        assert " -> " in refused.err
    assert cli("plan", "list", "--format", "json").rows == []

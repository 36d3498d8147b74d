"""Exports are for machines: each has the schema that its document says, whatever its rows hold."""

import re
from pathlib import Path

import polars as pl
import pytest

from forecast_assets.cli.export import Report
from forecast_assets.rendering.schemas import word
from forecast_assets_tests.scenario import SERIES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")


def documented() -> dict[str, dict[str, str]]:
    """Columns with their types by heading of the document."""
    sections = re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:]
    columns_by_heading = {}
    for section in sections:
        heading, _, text = section.partition("\n")
        columns_by_heading[heading] = dict(re.findall(r"^\| `(\w+)` \| ([a-z ]+) \|", text, re.MULTILINE))
    return {heading: columns for heading, columns in columns_by_heading.items() if columns}


def test_every_export_is_documented():
    assert {heading.split()[0] for heading in documented()} == {report.value for report in Report}


def read(file: Path) -> list:
    """Every value of an export."""
    return [value for row in pl.read_parquet(file).rows() for value in row]


def test_every_export_has_its_documented_schema(cli, home, tmp_path):
    home.evaluate(SERIES[0], SERIES[-1])
    assert cli("evaluate", "shop").code in {0, 1}
    wrong = {}
    for heading, columns in documented().items():
        what, *options = heading.split()
        if what == Report.BATCH_ITEMS.value:
            continue  # of a run: tested with what is launched
        file = tmp_path / "export.parquet"
        done = cli("export", what, "shop", *options, "--output", str(file))
        assert done.code == 0, done.err
        schema = {name: word(kind) for name, kind in pl.read_parquet_schema(file).items()}
        printed = cli("export", what, "shop", *options, "--format", "csv").out
        headings = printed.partition("\r\n")[0].split(",")
        if not options and what != Report.INCIDENT_REPORT.value and headings != list(schema):
            wrong[f"{heading} as CSV"] = headings
        if any(not isinstance(one, list) and str(one).startswith("{") for one in read(file)):
            wrong[f"{heading} holds JSON"] = list(schema)
        if list(schema.items()) != list(columns.items()):
            wrong[heading] = (sorted(set(schema.items()) ^ set(columns.items())), list(schema))
    assert not wrong


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("form", "beginning"),
    [("csv", "Type,Entity,Item"), ("md", "# Incident report"), ("json", "["), ("html", "<!doctype")],
)
def test_the_format_of_the_incident_report_is_obeyed_on_stdout(cli, form, beginning):
    printed = cli("export", "incident-report", "shop", "--format", form)
    assert printed.code == 0, printed.err
    assert printed.out.startswith(beginning)


@pytest.mark.usefixtures("home")
def test_a_listing_cannot_be_a_page(cli):
    refused = cli("export", "champions", "shop", "--format", "html")
    assert refused.code == 2
    assert "cannot be a page" in refused.err

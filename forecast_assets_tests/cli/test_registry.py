"""Models from the command line: registered, promoted, rolled back, explained; and training again."""

from pathlib import Path

import dagster as dg
import pytest

from forecast_assets.stores import mlflow_backend
from forecast_assets_tests.scenario import HEALTHY, HOLED, QUICK, SERIES, shop

BATCH = ("submit", "batch", "new")
AGREED = ("--apply", "--confirm", "shop", "--approved-by", "ann", "--acknowledge", "gates")


def flat(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def test_a_dataset_that_was_never_evaluated_says_what_comes_first(cli, home):
    (home.folder / "new.csv").write_text(shop().write_csv())
    assert cli("dataset", "add", "new", "--path", "new.csv", "--yes").code == 0
    for words in (("register", "new"), ("promote", "new"), ("rollback", "new"), ("report", "new"), BATCH):
        answer = cli(*words)
        assert (answer.code, "`forecast-assets evaluate new`" in flat(answer.err)) == (2, True), words


@pytest.mark.usefixtures("registry_beside")
def test_a_model_is_registered_promoted_rolled_back_and_explained(cli, home):
    home.evaluate(SERIES[0], SERIES[-1])
    assert "await a decision" in cli("register", "shop").err
    dry = cli("promote", "shop", "--format", "json")
    assert dry.code == 0
    assert "a dry run: nothing was changed" in dry.err
    assert {row["change"] for row in dry.rows} == {"new"}
    assert cli("promote", "shop", "--apply", "--approved-by", "ann").code == 2, "nothing was confirmed"

    scoped = cli("promote", "shop", "--scope", "manual", "--stores", "A", "--products", "P1", *AGREED)
    assert (scoped.code, "1 applied" in scoped.err) == (0, True)
    events = home.instance.fetch_observations(dg.AssetKey("registered_champion"), limit=10).records
    (observation,) = [event.asset_observation for event in events if event.partition_key == HEALTHY]
    assert observation.metadata["approved_by"].value == "ann"
    assert observation.metadata["decision"].value == "version 1 is live instead of none"

    winner = next(row["champion"] for row in home.table("champion") if row["series"] == HEALTHY)
    loser = next(name for name in QUICK.candidates if name != winner)
    override = (
        "register",
        "shop",
        "--series",
        HEALTHY,
        "--candidate",
        loser,
        "--reason",
        "a strike is announced",
    )
    cli(*override)
    assert (
        f"withdrawn, since the champion of their series is live or was rolled back: 1 version, {HEALTHY}/2"
        in flat(cli("register", "shop", "--series", HEALTHY).err)
    )
    cli(*override)
    refused = cli("promote", "shop", "--series", HEALTHY, *AGREED)
    assert (refused.code, "not acknowledged: " in refused.err) == (1, True)
    words = ("--acknowledge", "override", "--acknowledge", "worse_wape")
    assert cli("promote", "shop", "--series", HEALTHY, *AGREED, *words).code == 0
    assert cli("rollback", "shop", "--series", HEALTHY, "--to", "1", *AGREED, *words).code == 0

    audit = cli("export", "audit", "shop", "--format", "json").rows
    assert [(row["action"], row["from_version"], row["to_version"]) for row in audit] == [
        ("promoted", None, 1),
        ("promoted", 1, 2),
        ("rolled_back", 2, 1),
    ]
    explained = cli("explain-model", f"{HEALTHY}@champion", "--format", "json")
    assert {row["what"]: row["value"] for row in explained.rows}["reproduced"] == "True"
    assert "on record about this series: 3 decisions" in explained.err

    for code in Path(mlflow_backend.artifacts_inside()).rglob("code/forecast_assets"):
        (code / "evil.py").touch()
    refused = cli("explain-model", f"{HEALTHY}@champion", "--format", "json")
    assert (refused.code, len(refused.rows)) == (2, len(explained.rows)), "its record is shown all the same"
    assert f"{HEALTHY}/1: its files are not what was registered" in flat(refused.err)
    assert {row["what"]: row["value"] for row in refused.rows}["wape_again"] is None


def test_series_are_trained_again_after_a_typed_confirmation(cli, home):
    home.evaluate(HEALTHY, HOLED)
    before = {row["series"]: row["run_id"] for row in home.table("evaluation")}
    command = ("submit", "retrain", "shop", "--series", HEALTHY)
    for typed in ((), ("--confirm", "yes")):
        unconfirmed = cli(*command, *typed)
        assert (unconfirmed.code, unconfirmed.out) == (2, "")
        assert f"it would train 1 series ({HEALTHY}) again" in unconfirmed.err
        assert "confirm with: retrain shop" in unconfirmed.err
    done = cli(*command, "--confirm", "retrain shop", "--wait")
    assert done.code == 0
    after = {row["series"]: row["run_id"] for row in home.table("evaluation")}
    assert {key for key in after if after[key] != before[key]} == {HEALTHY}

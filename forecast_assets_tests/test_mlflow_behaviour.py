"""Behaviours of MLflow's own parts we build on. When an upgrade breaks one, this file says so first."""

import pytest
import sqlalchemy as sa
from mlflow.db import commands
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient
from mlflow.tracking._model_registry.client import ModelRegistryClient

from forecast_assets.stores import mlflow_backend, mlflow_client, model_tables
from forecast_assets.stores.model_versions import NewVersion
from forecast_assets.stores.warehouse import Warehouse
from forecast_assets_tests.conftest import fresh_database

MODEL, RECIPE = "shop__S1__P1", "recipe"
# The columns that our own queries of MLflow's tables read.
READ = {
    "registered_models": {"name"},
    "registered_model_aliases": {"workspace", "name", "alias", "version"},
    "model_versions": {"workspace", "name", "version", "current_stage"},
    "model_version_tags": {"workspace", "name", "version", "key", "value"},
    "experiments": {"name", "artifact_location", "lifecycle_stage"},
}


@pytest.fixture(scope="module")
def uri(postgres_url, migrated_mlflow):
    with fresh_database(postgres_url, migrated_mlflow) as url:
        yield url


@pytest.fixture(scope="module")
def tables(uri):
    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    return sa.inspect(engine)


@pytest.fixture(scope="module")
def models(uri):
    """The part of the client that writes models, with one model of two versions."""
    client = ModelRegistryClient(uri, uri)
    client.create_registered_model(MODEL, tags={"dataset": "shop"})
    for number in ("1", "2"):
        client.create_model_version(
            MODEL, f"runs:/{number}/bundle", None, tags={RECIPE: number}, await_creation_for=0
        )
    return client


@pytest.mark.parametrize("table", READ)
def test_its_tables_have_the_columns_that_we_read(tables, table):
    assert {column["name"] for column in tables.get_columns(table)} >= READ[table]


def test_its_tables_name_every_place_of_files_that_a_restore_rewrites(tables):
    for table, column in mlflow_backend._PATHS:
        assert column in {one["name"] for one in tables.get_columns(table)}, (table, column)


def test_its_migrations_run_from_python_and_twice_is_the_same_as_once(uri):
    commands.commands["upgrade"].main([uri], standalone_mode=False)


@pytest.mark.usefixtures("models")
def test_a_version_is_created_at_once_and_its_source_is_not_looked_at(uri):
    version = MlflowClient(uri, registry_uri=uri).get_model_version(MODEL, "1")
    assert (version.status, version.source, version.tags) == ("READY", "runs:/1/bundle", {RECIPE: "1"})


def test_numbers_of_versions_rise_and_one_that_was_deleted_is_not_given_again(uri):
    client = ModelRegistryClient(uri, uri)
    client.create_registered_model("gone")
    first = client.create_model_version("gone", "runs:/x/y", None, await_creation_for=0)
    kept = client.create_model_version("gone", "runs:/x/y", None, await_creation_for=0)
    client.delete_model_version("gone", first.version)
    again = client.create_model_version("gone", "runs:/x/y", None, await_creation_for=0)
    assert int(first.version) < int(kept.version) < int(again.version)


def test_an_alias_is_moved_by_one_write(models, uri):
    for number in ("1", "2"):
        models.set_registered_model_alias(MODEL, "live", number)
        client = MlflowClient(uri, registry_uri=uri)
        assert int(client.get_registered_model(MODEL).aliases["live"]) == int(number)


@pytest.mark.usefixtures("models")
def test_versions_are_found_by_a_tag_the_oldest_first(uri):
    client = MlflowClient(uri, registry_uri=uri)
    filter_string = f"name='{MODEL}' and tags.{RECIPE}='2'"
    assert [
        int(one.version)
        for one in client.search_model_versions(filter_string, order_by=["version_number ASC"])
    ] == [2]
    every = client.search_model_versions(f"name='{MODEL}'", order_by=["version_number ASC"])
    assert [int(one.version) for one in every] == [1, 2]


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (lambda client: client.get_model_version(MODEL, "99"), mlflow_client._ABSENT),
        (lambda client: client.get_registered_model("none"), mlflow_client._ABSENT),
        (lambda client: client.create_registered_model(MODEL), {"RESOURCE_ALREADY_EXISTS"}),
    ],
    ids=["no version", "no model", "twice"],
)
@pytest.mark.usefixtures("models")
def test_refusals_have_the_codes_that_we_sort_them_by(uri, question, code):
    with pytest.raises(MlflowException) as refused:
        question(MlflowClient(uri, registry_uri=uri))
    assert refused.value.error_code in code


def test_versions_and_aliases_that_we_write_are_the_rows_that_its_client_writes(uri):
    client, warehouse = ModelRegistryClient(uri, uri), Warehouse(sa.make_url(uri))
    run, written = "0" * 32, dict[str, set[tuple[object, ...]]]()
    new = NewVersion("ours", "abc", run, "bundles/a", {"candidate": "ets"}, {"dataset": "shop"})
    for name in ("ours", "theirs"):
        client.create_registered_model(name, tags={"dataset": "shop"})
    client.create_model_version("theirs", new.source, run, tags=new.all_tags, await_creation_for=0)
    client.set_registered_model_alias("theirs", "live", "1")
    try:
        assert model_tables.add_versions(warehouse, [new]) == {"ours": 1}
        assert model_tables.add_versions(warehouse, [new]) == {"ours": 1}  # of one recipe there is one
        assert model_tables.move_aliases(warehouse, "live", {"ours": 1}) == []
        assert model_tables.move_aliases(warehouse, "live", {"ours": 9, "theirs": 9}) == ["ours", "theirs"]
        with warehouse.transaction() as connection:
            for table in (
                "registered_models",
                "model_versions",
                "model_version_tags",
                "registered_model_aliases",
            ):
                named = sa.table(table, sa.column("name"))
                rows = connection.execute(
                    sa.select(sa.text("*")).select_from(named).where(named.c.name.in_(["ours", "theirs"]))
                )
                for row in rows.mappings():
                    plain = {
                        name: value is not None if name.endswith("_time") else value
                        for name, value in row.items()
                        if name != "name"
                    }
                    written.setdefault(row["name"], set()).add((table, *sorted(plain.items())))
    finally:
        warehouse.dispose()
    assert written["ours"] == written["theirs"]
    assert len(written["ours"]) == 1 + 1 + len(new.all_tags) + 1


def test_files_of_a_run_are_deleted_by_folder(tmp_path):
    (tmp_path / "bundle" / "data").mkdir(parents=True)
    (tmp_path / "bundle" / "data" / "file").write_text("x")
    (tmp_path / "kept").write_text("x")
    get_artifact_repository(str(tmp_path)).delete_artifacts("bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]

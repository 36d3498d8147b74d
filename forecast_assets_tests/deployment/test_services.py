"""A deployment as its parts: TLS, a role with few rights, a code server, two web servers, a daemon."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import dagster as dg
import psycopg2
import pytest

from forecast_assets.cli import state
from forecast_assets.cli.home import open_instance
from forecast_assets.errors import BadSetting
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests.dagit import Dagit, free_port, until
from forecast_assets_tests.deployment.mutations import attempts
from forecast_assets_tests.deployment.services import (
    CANARY,
    LOCATION,
    OWNER,
    PROGRAMS,
    ROOT,
    WORKER,
    Server,
    Services,
    administrator,
    environment,
    instance_settings,
    needs_postgres,
    postgres_with_tls,
)
from forecast_assets_tests.scenario import HEALTHY, SERIES, Place, shop

pytestmark = [needs_postgres, pytest.mark.deployment]
SELECTOR = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}
LAUNCH = """
    mutation Launch($params: ExecutionParams!) {
      launchRun(executionParams: $params) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
      }
    }"""
RETRIES = "query($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results { runId } } } }"
LOCATIONS = """query { workspaceOrError { ... on Workspace {
    locationEntries { locationOrLoadError { __typename } } } } }"""
START = """mutation($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) {
    __typename ... on Sensor { sensorState { id } } ... on PythonError { message } } }"""
STOP = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"
WHOLE = {"asset_partition_range_start": SERIES[0], "asset_partition_range_end": SERIES[-1]}
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"


@dataclass(frozen=True)
class Deployment:
    """Everything that runs, and the two doors to it."""

    server: Server
    services: Services
    code_port: int
    dagit: Dagit
    read_only: Dagit

    def serve_code(self) -> subprocess.Popen:
        place = ("-h", "127.0.0.1", "-p", self.code_port)
        return self.services.start("code", "api", "grpc", "-m", LOCATION, *place)

    def watch(self) -> subprocess.Popen:
        where = ("-w", self.services.home / "workspace.yaml")
        return self.services.start("daemon", "run", *where, module="dagster._daemon")

    def launch(self, job: str, config: dict | None = None, **tags: str) -> str:
        answer = self.dagit.ask(
            LAUNCH,
            params={
                "selector": {**SELECTOR, "pipelineName": job},
                "executionMetadata": {"tags": [{"key": f"dagster/{k}", "value": v} for k, v in tags.items()]},
                "runConfigData": config or {},
                "mode": "default",
            },
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def status(self, run: str) -> str:
        return self.dagit.ask(STATUS, id=run)["runOrError"]["status"]

    def retry_of(self, run: str) -> str | None:
        response = self.dagit.ask(RETRIES, filter={"tags": [{"key": "dagster/parent_run_id", "value": run}]})
        return next((retry["runId"] for retry in response["runsOrError"]["results"]), None)

    def location_is_loaded(self) -> bool:
        entries = self.dagit.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        return [entry["locationOrLoadError"]["__typename"] for entry in entries] == ["RepositoryLocation"]

    def ended(self, run: str) -> str:
        """Wait for a run's end; return how it ended."""
        ends = {"SUCCESS", "FAILURE", "CANCELED"}
        until(f"run {run} ends", lambda: self.status(run) in ends)
        return self.status(run)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("deployment")
    instance_settings(home, ROOT / "dagster.yaml")
    code_port = free_port()
    (home / "workspace.yaml").write_text(
        f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {code_port}, location_name: {LOCATION}}}\n"
    )
    with postgres_with_tls() as server:
        for role in (OWNER, WORKER):
            (home / role).write_text(server.url(role).render_as_string(hide_password=False))
        services = Services(
            home,
            environment(
                home, FORECAST_DATABASE_URL_FILE=str(home / WORKER), FORECAST_LAKE_URL=str(home / "lake")
            ),
        )
        with services.here(FORECAST_DATABASE_URL_FILE=str(home / OWNER)):
            state.prepare(WORKER)
        new_deployment = Deployment(server, services, code_port, Dagit(free_port()), Dagit(free_port()))
        try:
            new_deployment.serve_code()
            for name, dagit, switches in (
                ("web", new_deployment.dagit, []),
                ("planners", new_deployment.read_only, ["--read-only"]),
            ):
                port = dagit.url.rpartition(":")[2]
                place = ("-h", "127.0.0.1", "-p", port, "-w", home / "workspace.yaml")
                services.start(name, "web", *place, *switches, module="forecast_assets")
            new_deployment.watch()
            until("the web server answers", new_deployment.dagit.answers)
            until("the read-only web server answers", new_deployment.read_only.answers)
            until("the web server has the code", new_deployment.location_is_loaded)
            yield new_deployment
        finally:
            services.stop()


@pytest.fixture(scope="module")
def shop_built(deployment: Deployment) -> Iterator[Place]:
    """A dataset that was loaded by the role with few rights; its stores, as the services see them."""
    with deployment.services.here():
        place = Place(StoresResource(), open_instance(), deployment.services.home)
        place.prepare("shop", shop())
        yield place
        place.stores.warehouse.dispose()


def test_a_launched_run_passes_queue_daemon_and_code_server_to_champions(deployment, shop_built):
    assert deployment.ended(deployment.launch("evaluate_series", **WHOLE)) == "SUCCESS"
    assert set(shop_built.outcomes()) == set(SERIES)
    assert shop_built.green() == set(SERIES)


def test_a_run_whose_code_server_was_killed_fails_and_is_done_by_a_second_one(deployment, shop_built):
    evaluated = deployment.ended(deployment.launch("evaluate_series", **WHOLE))
    before = results(shop_built)
    with in_the_middle(deployment) as run:
        deployment.services.kill("code")
    deployment.serve_code()
    assert (evaluated, deployment.ended(run)) == ("SUCCESS", "FAILURE")
    retry = until("the run is tried again", lambda: deployment.retry_of(run))
    assert deployment.ended(str(retry)) == "SUCCESS"
    assert results(shop_built) == before
    current = [row["series"] for row in shop_built.table("champion") if row["is_current"]]
    assert sorted(current) == sorted(set(current)) == SERIES
    until("the web server finds the new code server", deployment.location_is_loaded)


def test_a_daemon_that_was_killed_leaves_the_queue_to_the_next_one(deployment, shop_built):
    deployment.services.kill("daemon")
    runs = [deployment.launch("evaluate_series", **WHOLE) for _ in range(2)]
    assert {deployment.status(run) for run in runs} == {"QUEUED"}
    deployment.watch()
    assert [deployment.ended(run) for run in runs] == ["SUCCESS", "SUCCESS"]
    starts = [
        event
        for run in runs
        for event in shop_built.instance.all_logs(run, of_type=dg.DagsterEventType.PIPELINE_START)
    ]
    assert len(starts) == len(runs), "each was started once"


def test_a_retry_that_was_lost_with_daemon_and_code_server_is_asked_for_again(deployment, shop_built):
    assert deployment.ended(deployment.launch("evaluate_series", **WHOLE)) == "SUCCESS"
    before = results(shop_built)
    with in_the_middle(deployment) as run:
        deployment.services.kill("code")
        deployment.services.kill("daemon")
    # The new daemon hears of the failure before there is code again, as from the monitor of another machine.
    deployment.watch()
    shop_built.instance.report_run_failed(shop_built.instance.get_run_by_id(run))
    lost = f"Failed to retry run {run}"
    until("the retry is lost", lambda: lost in (deployment.services.home / "daemon.log").read_text())
    assert deployment.retry_of(run) is None
    deployment.serve_code()
    retry = until("the run is tried again", lambda: deployment.retry_of(run), 600)
    assert deployment.ended(str(retry)) == "SUCCESS"
    assert results(shop_built) == before


def test_a_tick_whose_code_server_was_killed_is_made_up_for_and_requests_its_run_once(deployment, shop_built):
    name = "evaluate_built_datasets"
    sensor = {**SELECTOR, "sensorName": name}
    with locked(deployment.server, "forecast.dataset", mode="access exclusive"):
        started = deployment.dagit.ask(START, sensor=sensor)["startSensor"]
        until("the tick waits for the database", lambda: waiting(deployment.server, "forecast.dataset"))
        deployment.services.kill("code")
    deployment.serve_code()
    quiet = f"{name} skipped: 1 datasets: 1 up to date"
    log = deployment.services.home / "daemon.log"
    until("the sensor has nothing left to do", lambda: quiet in log.read_text())
    deployment.dagit.ask(STOP, id=started["sensorState"]["id"])
    requested = dg.RunsFilter(tags={"dagster/sensor_name": name})
    (run,) = shop_built.instance.get_runs(requested)
    assert deployment.ended(run.run_id) == "SUCCESS"


def results(place: Place) -> list[dict]:
    """What was found out about each series, whichever run did it."""
    return [{k: v for k, v in row.items() if k != "run_id"} for row in place.table("backtest_metric")]


@contextmanager
def locked(server: Server, table: str, mode: str = "exclusive") -> Iterator[None]:
    """Let whoever writes to ``table`` wait; with ``access exclusive`` whoever reads it, too."""
    with closing(administrator(server, "forecast")) as held:
        held.cursor().execute(f"lock table {table} in {mode} mode")
        yield


@contextmanager
def in_the_middle(deployment: Deployment) -> Iterator[str]:
    """A run that works, and comes to no end."""
    with locked(deployment.server, "forecast.evaluation"):
        run = deployment.launch(
            "evaluate_series", {"ops": {"evaluate": {"config": {"force": True}}}}, **WHOLE
        )
        until("the run works", lambda: deployment.status(run) == "STARTED")
        yield run


def waiting(server: Server, table: str) -> bool:
    """Does somebody wait for the lock of ``table``?"""
    with closing(administrator(server, "forecast")) as asking, asking.cursor() as cursor:
        cursor.execute("select 1 from pg_locks where relation = %s::regclass and not granted", [table])
        return cursor.fetchone() is not None


PERMISSIONS = """query { permissions { permission value }
    workspaceOrError { ... on Workspace { locationEntries { permissions { permission value } } } } }"""
REAL = {
    "terminateRun": "mutation T($run: String!) { result: terminateRun(runId: $run) { __typename } }",
    "deletePipelineRun": """mutation D($run: String!) {
        result: deletePipelineRun(runId: $run) { __typename } }""",
    "startSchedule": """mutation S($schedule: ScheduleSelector!) {
        result: startSchedule(scheduleSelector: $schedule) { __typename } }""",
    "addDynamicPartition": """mutation A($repository: RepositorySelector!) {
        result: addDynamicPartition(repositorySelector: $repository, partitionsDefName: "series",
        partitionKey: "shop__new__new") { __typename } }""",
    "launchPartitionBackfill": """mutation B($series: [String!]) { result: launchPartitionBackfill(
        backfillParams: {assetSelection: [{path: ["champion"]}], partitionNames: $series}) {
        __typename } }""",
}


def test_the_web_server_of_planners_refuses_every_change(deployment, shop_built):
    run = deployment.launch("trim_state")
    assert deployment.ended(run) == "SUCCESS"
    before = visible_state(shop_built)
    response = deployment.read_only.ask(PERMISSIONS)
    (location,) = response["workspaceOrError"]["locationEntries"]
    permissions = [*response["permissions"], *location["permissions"]]
    assert len(permissions) > 20
    assert not [one["permission"] for one in permissions if one["value"]]
    variables = {
        "run": run,
        "schedule": {**SELECTOR, "scheduleName": "trim_weekly"},
        "repository": SELECTOR,
        "series": SERIES,
    }
    answers = {
        name: deployment.read_only.ask(
            query, **{key: value for key, value in variables.items() if f"${key}:" in query}
        )
        for name, query in REAL.items()
    }
    typename_by_mutation = {name: answer["result"]["__typename"] for name, answer in answers.items()}
    # Whoever may not end a run is told that it cannot be ended.
    assert typename_by_mutation.pop("terminateRun") == "TerminateRunFailure"
    assert set(typename_by_mutation.values()) == {"UnauthorizedError"}, typename_by_mutation
    tried = dict(attempts(deployment.read_only))
    assert len(tried) > 30
    assert not [name for name, answer in tried.items() if "Success" in str(answer)]
    assert visible_state(shop_built) == before


def visible_state(place: Place) -> list[object]:
    """What any change of a visitor would show in."""
    runs = [(run.run_id, run.status) for run in place.instance.get_runs()]
    partitions = place.instance.get_dynamic_partitions("series")
    backfills = place.instance.get_backfills()
    return [
        runs,
        partitions,
        backfills,
        *(place.table(name) for name in ("dataset", "champion", "evaluation")),
    ]


def test_nobody_comes_in_without_tls_or_with_a_wrong_certificate(deployment, tmp_path):
    plain = deployment.server.url(WORKER, sslmode="disable")
    with pytest.raises(psycopg2.OperationalError, match="pg_hba"):
        psycopg2.connect(plain.render_as_string(hide_password=False))
    stranger = tmp_path / "stranger.crt"
    key = ("-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", str(tmp_path / "key"))
    subprocess.run(["openssl", "req", "-x509", *key, "-out", str(stranger)], check=True, capture_output=True)
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        psycopg2.connect(
            deployment.server.url(WORKER, sslrootcert=str(stranger)).render_as_string(hide_password=False)
        )


@pytest.mark.parametrize(
    "statement",
    [
        "create table forecast.mine (x int)",
        "create table dagster.mine (x int)",
        "create schema mine",
        "drop table forecast.champion",
        "alter table forecast.champion add column mine int",
        "truncate forecast.champion",
        "create function forecast.mine() returns int language sql as 'select 1'",
        "create role mine",
        "alter role forecast_run superuser",
        "select pg_read_file('/etc/passwd')",
        "copy forecast.dataset to program 'true'",
    ],
)
def test_the_role_of_runs_may_change_rows_and_nothing_else(deployment, statement):
    connection = psycopg2.connect(deployment.server.url(WORKER).render_as_string(hide_password=False))
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(statement)
    connection.close()


def test_a_role_that_nobody_made_is_refused(deployment):
    owned = str(deployment.services.home / OWNER)
    with (
        deployment.services.here(FORECAST_DATABASE_URL_FILE=owned),
        pytest.raises(BadSetting, match="no role 'nobody'") as refused,
    ):
        state.prepare("nobody")
    assert "create role" in refused.value.remedy


@pytest.mark.usefixtures("shop_built")
def test_no_secret_is_found_in_rows_files_or_logs(deployment):
    assert deployment.ended(deployment.launch("trim_state")) == "SUCCESS"
    place = ("-h", str(deployment.server.folder), "-p", str(deployment.server.port), "-U", "admin")
    assert PROGRAMS
    dump = [str(PROGRAMS / "pg_dump"), *place, "forecast"]
    dumped = subprocess.run(dump, check=True, capture_output=True).stdout
    assert HEALTHY.encode() in dumped
    assert CANARY.encode() not in dumped
    secrets = {deployment.services.home / OWNER, deployment.services.home / WORKER}
    files = {path for path in deployment.services.home.rglob("*") if path.is_file()} - secrets
    assert len(files) > 10
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]

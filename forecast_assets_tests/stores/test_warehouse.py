"""What is written is what is read, all of it or none, however often."""

import datetime as dt
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast_assets.errors import Outage
from forecast_assets.stores.database import SQL, connected
from forecast_assets.stores.rows.datasets import DatasetRow, DatasetsRow, SeriesOfRow
from forecast_assets.stores.rows.evaluations import ChampionsRow, MetricsOfRow
from forecast_assets.stores.warehouse import Warehouse
from forecast_assets_tests.stores.members import until

AWKWARD = [
    "", " ", "plain", "comma, and 'quotes' \"double\"", "two\nlines", "crlf\r\nline", "tab\t", "\\N", "\\.",
    "two\n\\.\nthree", "back\\slash", "null", "NULL", "NaN", "{}", "héllo", "e\u0301", "\u202eright to left",
    "🍞", "%s %(name)s :name", "'; drop table note; --", "=1+1", "x" * 10_000, None,
]  # fmt: skip


def notes(keys: list[str], body: str = "new") -> pl.DataFrame:
    return pl.DataFrame({"key": keys, "author": [key[0] for key in keys], "body": body})


def stored(url: sa.URL, columns: str = "key, body") -> list[tuple]:
    with connected(url) as connection:
        query = f'select {columns} from note order by key collate "C"'  # noqa: S608 - the test's own
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_text_comes_back_as_it_went(warehouse, url):
    frame = pl.DataFrame({"key": [f"{n:02d}" for n in range(len(AWKWARD))], "body": AWKWARD})
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", frame)
    assert stored(url) == frame.rows()


def test_a_single_column_of_text_cannot_end_the_data(warehouse, url):
    keys = sorted(text for text in AWKWARD if text is not None)
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", pl.DataFrame({"key": keys}))
    assert [key for (key,) in stored(url, "key")] == sorted(keys, key=str.encode)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
    number=st.floats(allow_nan=False),
)
def test_any_text_and_any_number_come_back(warehouse, url, text, number):
    keys = [f"{n:04d}" for n in range(len(text))]
    frame = pl.DataFrame(
        {"key": keys, "body": text, "score": [number] * len(text), "folds": [[number]] * len(text)},
        schema={"key": pl.String, "body": pl.String, "score": pl.Float64, "folds": pl.Array(pl.Float64, 1)},
    )
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("truncate note cascade")
        warehouse.copy(connection, "note", frame)
    assert stored(url, "key, body, score, folds") == [
        (key, body, number, [number]) for key, body in zip(keys, text, strict=True)
    ]


def test_every_kind_of_column_comes_back_with_nan_as_null(warehouse, url):
    nan, infinite = float("nan"), float("inf")
    frame = pl.DataFrame(
        {
            "key": ["a", "b", "c"],
            "facts": ['{"a": [1, "x,\\"y\\""], "b": null}', "[]", None],
            "score": [0.1 + 0.2, nan, None],
            "folds": pl.Series([[1.5, nan], [None, infinite], None], dtype=pl.Array(pl.Float64, 2)),
            "day": [dt.date(2024, 2, 29), dt.date(1899, 1, 1), None],
            "done": [True, False, None],
            "rank": [1, -1, None],
        }
    )
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", frame)
    assert stored(url, "facts, score, folds, day, done, rank") == [
        ({"a": [1, 'x,"y"'], "b": None}, 0.1 + 0.2, [1.5, None], dt.date(2024, 2, 29), True, 1),
        ([], None, [None, infinite], dt.date(1899, 1, 1), False, -1),
        (None, None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    "kind",
    [pl.Array(pl.Float32, 2), pl.List(pl.Float64), pl.List(pl.Int64)],
    ids=["array", "list", "integers"],
)
def test_arrays_may_be_of_any_numbers_and_empty_as_a_whole(warehouse, url, kind):
    frame = pl.DataFrame({"key": ["a"], "folds": pl.Series([[1, 2]], dtype=kind)})
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", frame)
        warehouse.copy(connection, "note", frame.clear())
    assert stored(url, "folds") == [([1.0, 2.0],)]


def test_replacing_twice_is_the_same_as_once_and_spares_the_others(warehouse, url):
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a1", "a2", "b1"], "old"))
    for _ in range(2):
        with warehouse.transaction() as connection:
            warehouse.replace(connection, "note", notes(["a2", "a3"]), keys=["author"])
    assert stored(url) == [("a2", "new"), ("a3", "new"), ("b1", "old")]


def test_updating_twice_is_the_same_as_once_and_keeps_what_refers_to_a_row(warehouse, url):
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a", "b"], "old"))
        warehouse.copy(connection, "remark", pl.DataFrame({"key": ["a"], "body": ["on a"]}))
    for _ in range(2):
        with warehouse.transaction() as connection:
            warehouse.upsert(connection, "note", notes(["c", "a"]), key="key")
            warehouse.upsert(connection, "note", pl.DataFrame({"key": ["d", "a"]}), key="key")
    assert stored(url) == [("a", "new"), ("b", "old"), ("c", "new"), ("d", None)]
    with connected(url) as connection:
        assert connection.exec_driver_sql("select key from remark").scalar() == "a"


def test_an_update_that_says_nothing_new_writes_no_row_again(warehouse, url):
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a", "b"], "old"))
    places = stored(url, "key, ctid")
    news = pl.concat([notes(["a"], "old"), notes(["b"], "new")])
    with warehouse.transaction() as connection:
        warehouse.upsert(connection, "note", news, key="key")
    now = stored(url, "key, ctid")
    assert now[0] == places[0]
    assert now[1] != places[1]


def test_an_empty_frame_changes_nothing(warehouse, url):
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a"], "old"))
        for write in (warehouse.replace, warehouse.upsert):
            option = {"keys": ["key"]} if write == warehouse.replace else {"key": "key"}
            write(connection, "note", notes(["a"]).clear(), **option)
    assert stored(url) == [("a", "old")]


def test_thirty_thousand_rows_are_one_transaction(warehouse, url):
    frame = notes([f"{n:05d}" for n in range(30_000)])
    with warehouse.transaction() as connection:
        warehouse.upsert(connection, "note", frame, key="key")
        warehouse.replace(connection, "note", frame, keys=["key", "author"])
        assert stored(url) == []
    assert len(stored(url)) == 30_000


def test_a_failed_block_leaves_everything_as_it_was(warehouse, url):
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a"], "old"))
    with pytest.raises(ZeroDivisionError), warehouse.transaction() as connection:  # noqa: PT012 - in its middle
        warehouse.replace(connection, "note", notes(["a", "b"]), keys=["key"])
        1 / 0  # noqa: B018
    with pytest.raises(Exception, match="duplicate key"), warehouse.transaction() as connection:
        warehouse.replace(connection, "note", notes(["a", "a"]), keys=["key"])
    assert stored(url) == [("a", "old")]


def test_a_staged_table_is_gone_after_its_block(warehouse):
    for _ in range(2):  # on the same connection of the pool
        with warehouse.transaction() as connection:
            with warehouse.staged(connection, "note", notes(["a"])) as staged:
                rows = connection.exec_driver_sql(f"select key from {staged}")  # noqa: S608 - a constant
                assert rows.scalars().all() == ["a"]
            assert connection.exec_driver_sql("select to_regclass('staged')").scalar() is None


CUT = """
import os, signal, sys
import polars as pl, sqlalchemy as sa
from forecast_assets.stores.warehouse import Warehouse

warehouse = Warehouse(sa.make_url(sys.argv[1]))
append = warehouse.copy

def cut(connection, table, frame):
    append(connection, table, frame)
    if table == "note":
        os.kill(os.getpid(), signal.SIGKILL)

warehouse.copy = cut
with warehouse.transaction() as connection:
    warehouse.replace(connection, "note", pl.DataFrame({"key": ["a"], "body": ["new"]}), keys=["key"])
"""


def test_a_process_killed_between_delete_and_commit_keeps_yesterdays_rows(warehouse, url):
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a"], "old"))
    program = [sys.executable, "-c", CUT, url.render_as_string(hide_password=False)]
    assert subprocess.run(program, check=False).returncode == -signal.SIGKILL
    assert stored(url) == [("a", "old")]
    with warehouse.transaction() as connection:
        warehouse.replace(connection, "note", notes(["a"]), keys=["key"])
    assert stored(url) == [("a", "new")]


def cut_off(url: sa.URL, connection: sa.Connection) -> None:
    pid = connection.exec_driver_sql("select pg_backend_pid()").scalar()
    with connected(url) as other:  # a second is plenty, and it answers as soon as the other is gone
        gone = other.execute(sa.text("select pg_terminate_backend(:pid, 1000)"), {"pid": pid}).scalar()
    assert gone


@pytest.mark.parametrize("work", ["copy", "execute"])
def test_a_connection_lost_in_the_middle_is_an_outage_and_the_next_one_works(warehouse, url, work):
    reached = []
    with pytest.raises(Outage, match=r"terminat|closed") as lost, warehouse.transaction() as connection:  # noqa: PT012 - in its middle
        warehouse.copy(connection, "note", notes(["a"]))
        cut_off(url, connection)
        reached.append(work)
        if work == "copy":
            warehouse.copy(connection, "note", notes(["b"]))
        else:
            warehouse.execute("remove_dataset", connection, name="none")
    assert reached == [work]
    assert "launch again" in lost.value.remedy
    assert stored(url) == []
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["c"]))
    assert stored(url) == [("c", "new")]


def test_a_pooled_connection_that_died_meanwhile_is_replaced_unnoticed(warehouse, url):
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a"]))
        idle = connection.exec_driver_sql("select pg_backend_pid()").scalar()
    with connected(url) as other:
        other.execute(sa.text("select pg_terminate_backend(:pid, 1000)"), {"pid": idle})
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["b"]))
    assert len(stored(url)) == 2


def test_a_row_locked_by_another_transaction_is_waited_for(warehouse, url):
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a"], "old"))

    def write() -> None:
        with warehouse.transaction() as connection:
            warehouse.replace(connection, "note", notes(["a"]), keys=["key"])

    with connected(url) as other:
        other.exec_driver_sql("select * from note for update")
        writer = threading.Thread(target=write)
        writer.start()
        blocked = "select count(*) from pg_locks where pg_backend_pid() = any(pg_blocking_pids(pid))"
        until(lambda: other.exec_driver_sql(blocked).scalar())
        assert stored(url) == [("a", "old")]
    writer.join()
    assert stored(url) == [("a", "new")]


def test_a_full_pool_waits_and_then_is_an_outage(url):
    warehouse = Warehouse(url, connections=1, patience=0.1)
    with warehouse.transaction():
        with pytest.raises(Outage, match="stay in use") as full, warehouse.transaction():
            pass
        assert "FORECAST_PROCESSES" in full.value.remedy
    with warehouse.transaction() as connection:
        warehouse.copy(connection, "note", notes(["a"]))
    warehouse.dispose()


def test_a_defect_of_ours_is_no_outage_and_shows_no_values(warehouse):
    with pytest.raises(sa.exc.ProgrammingError) as defect:
        warehouse.rows(DatasetRow, name="canary-4711")  # there is no such table here
    assert "canary" not in str(defect.value)


def test_answers_have_their_columns_even_when_empty(stores):
    empty = stores.warehouse.frame(ChampionsRow, dataset="none", series=None)
    assert empty.is_empty()
    assert empty.columns[:4] == ["series", "store_id", "product_id", "champion"]
    assert stores.warehouse.frame(MetricsOfRow, series=[]).is_empty()
    assert stores.warehouse.row(DatasetRow, name="none") is None
    assert stores.warehouse.execute("remove_dataset", name="'; drop table dataset; --") == 0


def test_values_are_bound_and_never_become_part_of_a_statement(stores):
    hostile = "x'; delete from dataset; -- %s :name"
    with stores.warehouse.transaction() as connection:
        record = pl.DataFrame({"name": [hostile], "source": ["{}"], "options": ["{}"]})
        stores.warehouse.copy(connection, "dataset", record)
    assert [row["name"] for row in stores.warehouse.rows(DatasetsRow)] == [hostile]
    assert stores.warehouse.rows(SeriesOfRow, dataset=hostile) == []
    assert stores.warehouse.execute("remove_dataset", name=hostile) == 1


@pytest.mark.parametrize("query", sorted((SQL / "queries").glob("*.sql")), ids=lambda path: path.stem)
def test_every_query_names_exactly_the_values_it_takes(query: Path):
    lines = query.read_text().splitlines()
    kind, _, _ = lines[0].partition(":")
    assert kind in {"-- Question", "-- Statement"}
    assert (kind == "-- Question") == lines[1].startswith("-- Grain: ")
    comment = "\n".join(line for line in lines if line.startswith("--"))
    # What does not fit into the line is continued below it, as far to the right.
    values = re.search(r"^-- Values: (.*(?:\n--    .*)*)", comment, re.MULTILINE)
    assert values
    body = "\n".join(line for line in lines if not line.startswith("--"))
    # Whatever stands in brackets explains a value.
    named = re.findall(r"\w+", re.sub(r"\(.*?\)", "", values[1], flags=re.DOTALL))
    assert {name for name in named if name != "none"} == set(sa.text(body)._bindparams)


def test_the_package_lies_beside_its_statements():
    assert (SQL / "migrations" / "env.py").is_file()

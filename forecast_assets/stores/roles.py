"""Who may do what in the database.

Belongs here: preparing a database as its owner, and the rights of the role that services and runs use.
Does not belong here: making roles and passwords, which is the administrator's.
"""

import sqlalchemy as sa

from forecast_assets.errors import BadSetting
from forecast_assets.stores.database import DAGSTER_SCHEMA, WAREHOUSE_SCHEMA, connected

_SCHEMAS = f"{WAREHOUSE_SCHEMA}, {DAGSTER_SCHEMA}"
# Rows may be read and written, tables neither made nor changed; TEMP is for tables that writes pass through.
_GRANTS = (
    "grant connect, temporary on database {database} to {role}",
    "grant usage on schema {schemas} to {role}",
    "grant select, insert, update, delete on all tables in schema {schemas} to {role}",
    "grant usage, select on all sequences in schema {schemas} to {role}",
    # What a later migration makes belongs to the same owner.
    "alter default privileges in schema {schemas} grant select, insert, update, delete on tables to {role}",
    "alter default privileges in schema {schemas} grant usage, select on sequences to {role}",
)


_GRANTED = sa.text("""
    select distinct pg_get_userbyid(granted.grantee)
    from pg_namespace n cross join aclexplode(n.nspacl) as granted
    where n.nspname = :schema and granted.grantee not in (0, n.nspowner)
""")


def granted(url: sa.URL) -> list[str]:
    """The roles that may use the warehouse beside its owner."""
    with connected(url) as connection:
        return [str(name) for name in connection.execute(_GRANTED, {"schema": WAREHOUSE_SCHEMA}).scalars()]


def grant(url: sa.URL, role: str) -> None:
    """Let ``role`` do what services and runs need, and no more. Raises ``BadSetting`` for an unknown role.

    Twice is the same as once. Dagster's tables have to be there already.
    """
    with connected(url) as connection:
        exists = connection.scalar(sa.text("select true from pg_roles where rolname = :role"), {"role": role})
        if not exists:
            raise BadSetting(
                f"the database server has no role {role!r}",
                remedy="let its administrator make it: create role NAME login password '...'",
            )
        quote = connection.dialect.identifier_preparer.quote_identifier
        names = {
            "database": quote(str(connection.scalar(sa.text("select current_database()")))),
            "role": quote(role),
            "schemas": _SCHEMAS,
        }
        for statement in _GRANTS:
            connection.exec_driver_sql(statement.format(**names).replace("%", "%%"))

"""Runs the migrations on the connection that it is given; the schema is the connection's search path."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table_schema="forecast")
with context.begin_transaction():
    context.run_migrations()

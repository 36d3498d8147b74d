"""Columns that say what they hold."""

from alembic import op

revision = "0016_column_words"
down_revision = "0015_plan_limits"

_RENAMED = (
    ("launch_item", "made", "outputs"),
    ("plan", "told", "sentences"),
    ("incident", "told_at", "notified_at"),
)


def upgrade() -> None:
    for table, before, after in _RENAMED:
        op.execute(f"alter table {table} rename column {before} to {after}")


def downgrade() -> None:
    for table, before, after in _RENAMED:
        op.execute(f"alter table {table} rename column {after} to {before}")

"""Which pool of errors an evaluation used last: forecasts are made by it, whatever was launched since."""

from alembic import op

revision = "0017_pool_use"
down_revision = "0016_column_words"


def upgrade() -> None:
    op.execute("alter table global_forecast add column used_at timestamptz")
    op.execute("update global_forecast set used_at = created_at where candidate = 'pool'")


def downgrade() -> None:
    op.execute("alter table global_forecast drop column used_at")

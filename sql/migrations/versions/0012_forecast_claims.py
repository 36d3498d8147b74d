"""What was claimed of a forecast when it was made."""

from alembic import op

revision = "0012_forecast_claims"
down_revision = "0011_revenue"


def upgrade() -> None:
    op.execute("alter table forecast add column claims jsonb not null default '{}'")


def downgrade() -> None:
    op.execute("alter table forecast drop column claims")

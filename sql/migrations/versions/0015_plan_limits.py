"""How wrong the forecast of a plan may be."""

from alembic import op

revision = "0015_plan_limits"
down_revision = "0014_metrics"


def upgrade() -> None:
    op.execute("alter table plan add column limits jsonb")


def downgrade() -> None:
    op.execute("alter table plan drop column limits")

"""How far ahead the plans of a dataset are known, and were for each result."""

from alembic import op

revision = "0008_plan_reach"
down_revision = "0007_endings"


def upgrade() -> None:
    op.execute("alter table dataset add column plan_reach jsonb")
    op.execute("alter table evaluation add column plan_reach jsonb")


def downgrade() -> None:
    op.execute("alter table evaluation drop column plan_reach")
    op.execute("alter table dataset drop column plan_reach")

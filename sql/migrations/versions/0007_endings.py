"""When a series sold last, and whether it is still sold."""

from alembic import op

revision = "0007_endings"
down_revision = "0006_operations"


def upgrade() -> None:
    op.execute(
        "alter table availability add column last_sale date, add column ended boolean not null default false"
    )


def downgrade() -> None:
    op.execute("alter table availability drop column last_sale, drop column ended")

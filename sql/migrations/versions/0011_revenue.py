"""Revenue is unknown where a dataset has no price; it was units there."""

from alembic import op

revision = "0011_revenue"
down_revision = "0010_ids"


def upgrade() -> None:
    op.execute(
        "alter table availability alter column revenue drop not null, alter column revenue drop default"
    )


def downgrade() -> None:
    op.execute("update availability set revenue = 0 where revenue is null")
    op.execute(
        "alter table availability alter column revenue set not null, alter column revenue set default 0"
    )

"""Whether the file of a forecast holds its stock plan, too, so that the row need not keep it for ever."""

from alembic import op

revision = "0018_filed_stock"
down_revision = "0017_pool_use"


def upgrade() -> None:
    op.execute("alter table forecast add column stock_is_filed boolean not null default false")


def downgrade() -> None:
    op.execute("alter table forecast drop column stock_is_filed")

"""Store and product ids of series are what people call them; the form for keys is in the key."""

from alembic import op

revision = "0010_ids"
down_revision = "0009_launches"


def upgrade() -> None:
    op.execute("update series set store_id = original_store_id, product_id = original_product_id")
    op.execute("alter table series drop column original_store_id, drop column original_product_id")


def downgrade() -> None:
    op.execute("alter table series add column original_store_id text, add column original_product_id text")
    op.execute(
        "update series set original_store_id = store_id, original_product_id = product_id, "
        "store_id = split_part(series, '__', 2), product_id = split_part(series, '__', 3)"
    )
    op.execute(
        "alter table series alter column original_store_id set not null, "
        "alter column original_product_id set not null"
    )

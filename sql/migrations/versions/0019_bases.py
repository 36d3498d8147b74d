"""The folders of older sales and panels that the files of a snapshot are changes of."""

from alembic import op

revision = "0019_bases"
down_revision = "0018_filed_stock"


def upgrade() -> None:
    op.execute(
        "alter table snapshot add column bases jsonb not null default '[]',"
        " add column panel_bases jsonb not null default '[]'"
    )


def downgrade() -> None:
    # Nobody would put these files together: what is current is loaded again, what is older is gone.
    op.execute(
        "update dataset d set snapshot = null from snapshot s"
        " where s.dataset = d.name and s.hash = d.snapshot and s.bases || s.panel_bases <> '[]'"
    )
    op.execute("delete from snapshot where bases || panel_bases <> '[]'")
    op.execute("alter table snapshot drop column bases, drop column panel_bases")

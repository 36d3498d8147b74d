"""What is expected of a champion on new days, and the stock that its distribution asks for."""

from alembic import op

revision = "0013_distributions"
down_revision = "0012_forecast_claims"


def upgrade() -> None:
    op.execute(
        "alter table champion add column expected_wape double precision,"
        " add column expected_bias double precision, add column claim_reason text"
    )
    op.execute("update champion set claim_reason = 'chosen by release 0.1: evaluate again'")
    op.execute("alter table forecast add column stock jsonb")


def downgrade() -> None:
    op.execute("alter table forecast drop column stock")
    op.execute(
        "alter table champion drop column expected_wape, drop column expected_bias, drop column claim_reason"
    )

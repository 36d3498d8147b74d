"""What the distributions and the totals of every candidate are worth."""

from alembic import op

revision = "0014_metrics"
down_revision = "0013_distributions"

_COLUMNS = (
    "wape_bias",
    "total_error",
    "pinball",
    "wql",
    "coverage_80",
    "coverage_95",
    "stock_cost",
    "service",
)


def upgrade() -> None:
    columns = ", ".join(f"add column {name} double precision" for name in _COLUMNS)
    op.execute(f"alter table backtest_metric {columns}")


def downgrade() -> None:
    op.execute(f"alter table backtest_metric {', '.join(f'drop column {name}' for name in _COLUMNS)}")

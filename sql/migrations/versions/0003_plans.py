"""Saved what-if plans."""

from alembic import op

revision = "0003_plans"
down_revision = "0002_forecasts"

STATEMENTS = (
    """
    create table plan (
        name              text primary key,
        series            text not null references series (series) on delete cascade,
        tags              text[] not null,
        assumptions       jsonb not null,
        told              jsonb not null,
        method            text not null check (method in ('model_exogenous', 'heuristic')),
        candidate         text not null,
        snapshot          text not null,
        first_day         date not null,
        baseline          double precision[] not null,
        scenario          double precision[] not null,
        baseline_units    double precision not null,
        scenario_units    double precision not null,
        units_delta       double precision not null,
        baseline_revenue  double precision,
        scenario_revenue  double precision,
        revenue_delta     double precision,
        coverage          text not null check (coverage in ('covered', 'at_risk', 'stockout', 'unknown')),
        run_id            text not null,
        made_at           timestamptz not null default now(),
        check (cardinality(baseline) = cardinality(scenario))
    )
    """,
    "create index plan_by_tag on plan using gin (tags)",
    "create index plan_by_series on plan (series)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table plan")

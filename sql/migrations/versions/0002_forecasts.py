"""Forecasts, what drift is measured from, and what kind of demand a series has."""

from alembic import op

revision = "0002_forecasts"
down_revision = "0001_spine"

STATEMENTS = (
    """
    alter table availability
        add column demand_class text check (demand_class in ('smooth', 'erratic', 'intermittent', 'lumpy')),
        add column revenue double precision not null default 0
    """,
    """
    create table production_model (
        dataset     text not null references dataset (name) on delete cascade,
        candidate   text not null,
        snapshot    text not null,
        anchor_day  date not null,
        recipe      text not null,
        digest      text,
        path        text,
        failure     text,
        run_id      text not null,
        fitted_at   timestamptz not null default now(),
        primary key (dataset, candidate),
        check ((path is null) = (failure is not null))
    )
    """,
    """
    create table forecast (
        series          text not null references series (series) on delete cascade,
        run_id          text not null,
        dataset         text not null,
        snapshot        text not null,
        fingerprint     text not null,
        candidate       text not null,
        fallback        text,
        horizon         integer not null check (horizon between 1 and 90),
        last_known_day  date not null,
        first_day       date not null,
        total           double precision not null,
        average         double precision not null,
        peak_day        date not null,
        peak_units      double precision not null,
        low_day         date not null,
        low_units       double precision not null,
        lead_time_days  integer not null,
        service_level   double precision not null,
        safety_stock    double precision not null,
        reorder_point   double precision not null,
        interval_safety_stock  double precision,
        coverage_80     double precision,
        assumptions     jsonb not null,
        path            text not null,
        made_at         timestamptz not null default now(),
        is_current      boolean not null default true,
        primary key (series, run_id)
    )
    """,
    "create unique index forecast_current on forecast (series) where is_current",
    "create index forecast_by_dataset on forecast (dataset) where is_current",
    """
    create table metric_history (
        series         text not null references series (series) on delete cascade,
        run_id         text not null,
        dataset        text not null,
        snapshot       text not null,
        settings_hash  text not null,
        candidate      text not null,
        wape           double precision,
        bias           double precision,
        sample_size    integer not null,
        anchor_day     date not null,
        evaluated_at   timestamptz not null default now(),
        primary key (series, run_id)
    )
    """,
    "create index metric_history_by_dataset on metric_history (dataset, evaluated_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table metric_history, forecast, production_model")
    op.execute("alter table availability drop column demand_class, drop column revenue")

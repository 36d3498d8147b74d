"""Drift, live accuracy, data quality, incidents and the messages about them."""

from alembic import op

revision = "0006_operations"
down_revision = "0005_registry"

TABLES = (
    """
    create table drift (
        series           text primary key references series (series) on delete cascade,
        dataset          text not null,
        snapshot         text not null,
        run_id           text not null,
        champion         text,
        drift_direction  text not null
            check (drift_direction in ('degrading', 'improving', 'stable', 'unknown')),
        latest_wape      double precision,
        previous_wape    double precision,
        baseline_wape    double precision,
        wape_delta       double precision,
        evaluations      integer not null check (evaluations >= 0),
        verdict          text not null check (verdict in ('degrading', 'stable', 'unknown')),
        chance           double precision check (chance > 0 and chance <= 1),
        false_alarm      double precision,
        windows          integer not null check (windows >= 0),
        recent_error     double precision,
        usual_error      double precision,
        units_at_risk    double precision not null check (units_at_risk >= 0),
        newest_day       date not null,
        reason           text not null,
        found_at         timestamptz not null default now()
    )
    """,
    "create index drift_by_dataset on drift (dataset, verdict)",
    """
    create table forecast_accuracy (
        series          text not null references series (series) on delete cascade,
        bucket          text not null check (bucket in ('all', 'h_1_7', 'h_8_14', 'h_15_28', 'h_29_plus')),
        dataset         text not null,
        run_id          text not null,
        forecasts       integer not null check (forecasts > 0),
        first_day       date not null,
        last_day        date not null,
        sample_size     integer not null check (sample_size > 0),
        wape            double precision,
        mae             double precision not null,
        bias            double precision not null,
        backtest_wape   double precision,
        backtest_bias   double precision,
        scored_at       timestamptz not null default now(),
        primary key (series, bucket)
    )
    """,
    "create index forecast_accuracy_by_dataset on forecast_accuracy (dataset, bucket)",
    """
    create table quality_finding (
        dataset    text not null references dataset (name) on delete cascade,
        series     text not null references series (series) on delete cascade,
        suspicion  text not null,
        severity   text not null check (severity in ('error', 'warning', 'info')),
        first_day  date not null,
        last_day   date not null,
        detail     text not null,
        action     text not null,
        run_id     text not null,
        since      timestamptz not null default now(),
        primary key (series, suspicion)
    )
    """,
    "create index quality_finding_by_dataset on quality_finding (dataset, severity)",
    """
    create table retrain_request (
        series        text not null references series (series) on delete cascade,
        requested_at  timestamptz not null default now(),
        dataset       text not null,
        requested_by  text not null,
        reason        text not null,
        primary key (series, requested_at)
    )
    """,
    "create index retrain_request_by_dataset on retrain_request (dataset, requested_at)",
    """
    create table incident (
        id            bigint generated always as identity primary key,
        key           text not null,
        kind          text not null,
        severity      text not null check (severity in ('error', 'warning')),
        what          text not null,
        next_step     text not null,
        link          text not null,
        times         integer not null check (times > 0),
        opened_at     timestamptz not null,
        last_seen_at  timestamptz not null,
        resolved_at   timestamptz,
        told_at       timestamptz
    )
    """,
    # One incident at a time about one thing; when it comes back later, that is another one.
    "create unique index incident_open on incident (key) where resolved_at is null",
    "create table incident_sighting (event text primary key, seen_at timestamptz not null)",
    """
    create table alert (
        id           bigint generated always as identity primary key,
        channel      text not null,
        subject      text not null,
        body         text not null,
        is_digest    boolean not null,
        incidents    bigint[] not null,
        made_at      timestamptz not null,
        attempts     integer not null default 0,
        next_try_at  timestamptz not null,
        sent_at      timestamptz,
        failure      text
    )
    """,
    "create index alert_unsent on alert (next_try_at) where sent_at is null",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    op.execute(
        "drop table alert, incident_sighting, incident, retrain_request, quality_finding,"
        " forecast_accuracy, drift"
    )

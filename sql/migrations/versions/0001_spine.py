"""Datasets, series, evaluations and champions."""

from alembic import op

revision = "0001_spine"
down_revision = None

TABLES = (
    """
    create table dataset (
        name        text primary key,
        source      jsonb not null,
        options     jsonb not null,
        snapshot    text,
        created_at  timestamptz not null default now()
    )
    """,
    """
    create table snapshot (
        dataset             text not null references dataset (name) on delete cascade,
        hash                text not null,
        run_id              text not null,
        source_fingerprint  text,
        sales_path          text not null,
        panel_path          text,
        first_day           date not null,
        last_day            date not null,
        row_count           bigint not null check (row_count > 0),
        series_count        integer not null check (series_count > 0),
        store_count         integer not null check (store_count > 0),
        summary             jsonb not null,
        created_at          timestamptz not null default now(),
        primary key (dataset, hash)
    )
    """,
    """
    create table series (
        series               text primary key,
        dataset              text not null references dataset (name) on delete cascade,
        store_id             text not null,
        product_id           text not null,
        original_store_id    text not null,
        original_product_id  text not null,
        static               jsonb not null
    )
    """,
    "create index series_by_dataset on series (dataset, store_id, product_id)",
    """
    create table availability (
        series                text primary key references series (series) on delete cascade,
        dataset               text not null,
        snapshot              text not null,
        state                 text not null check (state in ('ready', 'limited', 'unusable')),
        reason                text not null,
        first_day             date,
        last_day              date,
        observed_days         integer not null check (observed_days >= 0),
        expected_days         integer not null,
        coverage              double precision,
        missing_days          integer not null,
        closed_days           integer not null,
        zero_sale_days        integer not null,
        promotion_days        integer,
        average_daily_demand  double precision
    )
    """,
    "create index availability_by_dataset on availability (dataset, state)",
    """
    create table global_forecast (
        dataset       text not null references dataset (name) on delete cascade,
        candidate     text not null,
        settings_hash text not null,
        snapshot      text not null,
        anchor_day    date not null,
        recipe        text not null,
        fit_id        text not null,
        model_path    text not null,
        path          text not null,
        failure       text,
        run_id        text not null,
        created_at    timestamptz not null default now(),
        primary key (dataset, candidate, settings_hash)
    )
    """,
    """
    create table evaluation (
        series        text primary key references series (series) on delete cascade,
        dataset       text not null,
        snapshot      text not null,
        run_id        text not null,
        fingerprint   text not null,
        availability  text not null check (availability in ('ready', 'limited', 'unusable')),
        outcome       text not null check (outcome in ('scored', 'unusable', 'broken')),
        reason        text not null,
        folds         integer not null check (folds >= 0),
        horizon       integer not null check (horizon between 1 and 90),
        anchor_day    date not null,
        path          text,
        evaluated_at  timestamptz not null default now()
    )
    """,
    "create index evaluation_by_dataset on evaluation (dataset, outcome)",
    """
    create table backtest_metric (
        series       text not null references series (series) on delete cascade,
        candidate    text not null,
        dataset      text not null,
        status       text not null check (status in ('ranked', 'excluded', 'failed')),
        rank         integer check (rank >= 1),
        reason       text,
        wape         double precision,
        smape        double precision,
        mae          double precision,
        bias         double precision,
        sample_size  integer not null check (sample_size >= 0),
        rmse         double precision,
        stability    double precision,
        fold_wape    double precision[] not null,
        fold_smape   double precision[] not null,
        fold_mae     double precision[] not null,
        fold_bias    double precision[] not null,
        fold_rmse    double precision[] not null,
        primary key (series, candidate)
    )
    """,
    "create index backtest_metric_by_dataset on backtest_metric (dataset)",
    """
    create table champion (
        series                    text not null references series (series) on delete cascade,
        run_id                    text not null,
        dataset                   text not null,
        snapshot                  text not null,
        fingerprint               text not null,
        policy                    text not null,
        champion                  text,
        runner_up                 text,
        wape                      double precision,
        smape                     double precision,
        mae                       double precision,
        bias                      double precision,
        rmse                      double precision,
        sample_size               integer,
        skill_vs_seasonal_naive   double precision,
        confidence                text not null check (confidence in ('high', 'medium', 'low')),
        reason                    text not null,
        explanation               jsonb not null,
        chosen_at                 timestamptz not null default now(),
        is_current                boolean not null default true,
        primary key (series, run_id)
    )
    """,
    "create unique index champion_current on champion (series) where is_current",
    "create index champion_by_dataset on champion (dataset) where is_current",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    op.execute(
        "drop table champion, backtest_metric, evaluation, global_forecast,"
        " availability, series, snapshot, dataset"
    )

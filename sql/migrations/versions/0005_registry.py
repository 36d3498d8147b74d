"""Registered model versions, and the record of every decision about which one is live."""

from alembic import op

revision = "0005_registry"
down_revision = "0004_launched"

# Neither table refers to series: what was decided outlives a dataset that was removed.
TABLES = (
    """
    create table model_version (
        series           text not null,
        version          integer not null check (version >= 1),
        dataset          text not null,
        recipe           text not null,
        candidate        text not null,
        recommended      text,
        is_override      boolean not null,
        override_reason  text,
        warning          text,
        snapshot         text not null,
        content          text not null,
        first_day        date not null,
        last_day         date not null,
        feature_frame    integer not null,
        policy           text not null,
        settings         jsonb not null,
        code_version     text not null,
        evaluation_run   text,
        folds_path       text,
        anchor_day       date not null,
        wape             double precision,
        smape            double precision,
        mae              double precision,
        bias             double precision,
        rmse             double precision,
        stability        double precision,
        sample_size      bigint,
        run_id           text not null,
        experiment       text not null,
        mlflow_run       text not null,
        path             text not null,
        artifact_sha256  text not null,
        registered_at    timestamptz not null default now(),
        primary key (series, version)
    )
    """,
    "create index model_version_by_dataset on model_version (dataset, series, version desc)",
    """
    create table promotion (
        id              bigint generated always as identity primary key,
        decision_id     text not null,
        run_id          text,
        dataset         text not null,
        series          text not null,
        action          text not null check (action in ('promoted', 'rolled_back', 'external')),
        state           text not null check (state in ('intended', 'applied')),
        from_version    integer,
        to_version      integer,
        from_candidate  text,
        to_candidate    text,
        from_wape       double precision,
        to_wape         double precision,
        is_override     boolean not null,
        acknowledged    jsonb not null,
        gates           jsonb not null,
        approved_by     text,
        reason          text,
        written_at      timestamptz not null default now(),
        unique (decision_id, state)
    )
    """,
    "create index promotion_by_series on promotion (series, id desc)",
    "create index promotion_by_dataset on promotion (dataset, id)",
    """
    create function only_append() returns trigger language plpgsql as
    $$ begin raise exception 'the record of promotions is append-only'; end $$
    """,
    """
    create trigger promotion_is_append_only before update or delete or truncate on promotion
    for each statement execute function only_append()
    """,
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table promotion, model_version")
    op.execute("drop function only_append()")

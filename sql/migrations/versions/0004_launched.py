"""What people launch: batches, comparisons, pipeline runs, workspaces; each keyed by its Dagster run."""

from alembic import op

revision = "0004_launched"
down_revision = "0003_plans"

_STATES = "'pending', 'running', 'completed', 'partial', 'failed', 'cancelled'"

TABLES = (
    f"""
    create table batch (
        batch_id                text primary key,
        run_id                  text not null,
        dataset                 text not null references dataset (name) on delete cascade,
        operation               text not null
            check (operation in ('train', 'predict', 'backtest', 'train_backtest_register')),
        scope                   jsonb not null,
        model_configs           jsonb not null,
        settings                jsonb not null,
        params                  jsonb not null,
        status                  text not null check (status in ({_STATES})),
        total_items             integer not null check (total_items >= 0),
        completed_items         integer not null default 0,
        failed_items            integer not null default 0,
        running_items           integer not null default 0,
        cancelled_items         integer not null default 0,
        max_parallel            integer not null check (max_parallel between 1 and 64),
        default_child_priority  smallint not null check (default_child_priority between -1 and 2),
        max_attempts            smallint not null default 3 check (max_attempts >= 1),
        result_summary          jsonb,
        champion_summary        jsonb,
        cancel_requested_at     timestamptz,
        created_at              timestamptz not null default now(),
        started_at              timestamptz,
        completed_at            timestamptz,
        updated_at              timestamptz not null default now()
    )
    """,
    "create index batch_by_age on batch (created_at desc)",
    """
    create table batch_item (
        item_id              bigint generated always as identity primary key,
        batch_id             text not null references batch (batch_id) on delete cascade,
        parent_item_id       bigint unique references batch_item (item_id) on delete cascade,
        series               text not null,
        store_id             text not null,
        product_id           text not null,
        candidate            text not null,
        model_type           text not null,
        params               jsonb not null,
        status               text not null default 'pending'
            check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
        priority             smallint not null check (priority between -1 and 2),
        attempts             smallint not null default 1 check (attempts >= 1),
        metrics              jsonb,
        made                 jsonb,
        child_job_id         text,
        child_run_id         text,
        error_message        text check (length(error_message) <= 2000),
        error_type           text check (length(error_type) <= 100),
        is_champion          boolean not null default false,
        priority_updated_at  timestamptz,
        priority_history     jsonb not null default '[]',
        created_at           timestamptz not null default now(),
        started_at           timestamptz,
        last_attempt_at      timestamptz,
        completed_at         timestamptz,
        duration_ms          bigint
    )
    """,
    """
    create index batch_item_next on batch_item (batch_id, priority desc, created_at, item_id)
        where status = 'pending'
    """,
    "create index batch_item_by_batch on batch_item (batch_id, status)",
    "create index batch_item_metrics on batch_item using gin (metrics)",
    f"""
    create table comparison (
        run_id                text primary key,
        dataset               text not null references dataset (name) on delete cascade,
        series                text not null,
        settings              jsonb not null,
        status                text not null check (status in ({_STATES})),
        total_candidates      integer not null check (total_candidates between 1 and 10),
        completed_candidates  integer,
        failed_candidates     integer,
        cancelled_candidates  integer,
        laid_out              jsonb,
        winner                text,
        result                jsonb,
        error                 text,
        cancel_requested_at   timestamptz,
        created_at            timestamptz not null default now(),
        completed_at          timestamptz
    )
    """,
    """
    create table comparison_candidate (
        run_id        text not null references comparison (run_id) on delete cascade,
        ordinal       smallint not null check (ordinal >= 1),
        candidate     text not null,
        status        text not null default 'pending'
            check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
        metrics       jsonb,
        forecasts     jsonb,
        error         text check (length(error) <= 2000),
        error_type    text check (length(error_type) <= 100),
        started_at    timestamptz,
        completed_at  timestamptz,
        duration_ms   bigint,
        primary key (run_id, ordinal)
    )
    """,
    """
    create table pipeline_run (
        run_id           text primary key,
        dataset          text not null,
        requested_by     text not null,
        mode             text not null check (mode in ('simple', 'advanced')),
        dry_run          boolean not null,
        request          jsonb not null,
        guardrails       jsonb not null,
        status           text not null
            check (status in ('pending', 'running', 'success', 'stopped', 'error')),
        dataset_run      jsonb,
        backtests        jsonb,
        chosen           jsonb,
        training         jsonb,
        summary          text not null,
        next_steps       jsonb not null default '[]',
        error            jsonb,
        created_at       timestamptz not null default now(),
        finished_at      timestamptz
    )
    """,
    "create index pipeline_run_by_requester on pipeline_run (requested_by, created_at)",
    """
    create table workspace (
        workspace_id       text primary key,
        run_id             text not null unique,
        name               text not null check (length(name) <= 100),
        status             text not null check (status in ('running', 'completed', 'failed')),
        preset             text not null,
        seed               bigint not null,
        dataset            text not null,
        config             jsonb not null,
        store_id           text,
        product_id         text,
        date_start         date,
        date_end           date,
        created_objects    jsonb not null default '{}',
        result_summary     jsonb not null default '{}',
        steps              jsonb not null default '[]',
        archived           boolean not null default false,
        pinned             boolean not null default false,
        notes              text not null default '' check (length(notes) <= 2000),
        tags               text[] not null default '{}' check (cardinality(tags) <= 20),
        replayed_from      text,
        created_at         timestamptz not null default now(),
        completed_at       timestamptz
    )
    """,
    "create index workspace_by_name on workspace (name, created_at desc)",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table workspace, pipeline_run, comparison_candidate, comparison, batch_item, batch")

"""One table of what people launch, in place of one for each kind; incidents name their dataset."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from alembic import op

revision = "0009_launches"
down_revision = "0008_plan_reach"

_STATES = "'pending', 'running', 'completed', 'partial', 'failed', 'cancelled'"

TABLES = (
    f"""
    create table launch (
        launch_id            text primary key,
        kind                 text not null,
        part_of              text references launch (launch_id) on delete cascade,
        run_id               text not null,
        dataset              text,
        requested_by         text,
        what                 text not null,
        status               text not null default 'pending' check (status in ({_STATES})),
        spec                 jsonb not null,
        result               jsonb not null default '{{}}',
        error                jsonb,
        priority             smallint not null default 0 check (priority between -1 and 2),
        max_parallel         integer not null default 1 check (max_parallel between 1 and 64),
        max_attempts         smallint not null default 3 check (max_attempts >= 1),
        cancel_requested_at  timestamptz,
        created_at           timestamptz not null default now(),
        started_at           timestamptz,
        completed_at         timestamptz,
        updated_at           timestamptz not null default now()
    )
    """,
    "create index launch_by_age on launch (created_at desc)",
    "create index launch_by_requester on launch (requested_by, created_at)",
    "create index launch_by_part on launch (part_of)",
    """
    create table launch_item (
        item_id              bigint generated always as identity primary key,
        launch_id            text not null references launch (launch_id) on delete cascade,
        parent_item_id       bigint unique references launch_item (item_id) on delete cascade,
        series               text not null,
        candidate            text,
        params               jsonb not null default '{}',
        status               text not null default 'pending'
            check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
        priority             smallint not null default 0 check (priority between -1 and 2),
        attempts             smallint not null default 1 check (attempts >= 1),
        metrics              jsonb,
        made                 jsonb,
        run_id               text,
        child_run_id         text,
        error_message        text check (length(error_message) <= 2000),
        error_type           text check (length(error_type) <= 100),
        is_champion          boolean not null default false,
        priority_updated_at  timestamptz,
        priority_history     jsonb not null default '[]',
        created_at           timestamptz not null default now(),
        started_at           timestamptz,
        completed_at         timestamptz,
        duration_ms          bigint
    )
    """,
    """
    create index launch_item_next on launch_item (launch_id, priority desc, created_at, item_id)
        where status = 'pending'
    """,
    "create index launch_item_by_launch on launch_item (launch_id, status)",
    "create index launch_item_metrics on launch_item using gin (metrics)",
    "alter table incident add column dataset text",
)

CARRIED_OVER = (
    # Showcases come first: their batches and comparisons are parts of them.
    """
    insert into launch (launch_id, kind, run_id, dataset, what, status, spec, result, created_at,
                        started_at, completed_at, updated_at)
    select run_id, 'showcase', run_id, dataset, 'preset ' || preset, status,
           jsonb_build_object('config', config, 'preset', preset, 'seed', seed),
           jsonb_build_object(
               'steps', steps, 'created_objects', created_objects, 'result_summary', result_summary,
               'store_id', store_id, 'product_id', product_id, 'date_start', date_start,
               'date_end', date_end, 'progress', jsonb_build_object('steps', jsonb_array_length(steps))),
           created_at, created_at, completed_at, coalesce(completed_at, created_at)
    from workspace
    """,
    "alter table workspace rename column run_id to launch_id",
    """
    alter table workspace
        add foreign key (launch_id) references launch (launch_id) on delete cascade,
        drop column status, drop column preset, drop column seed, drop column dataset, drop column config,
        drop column store_id, drop column product_id, drop column date_start, drop column date_end,
        drop column created_objects, drop column result_summary, drop column steps, drop column created_at,
        drop column completed_at
    """,
    """
    insert into launch (launch_id, kind, part_of, run_id, dataset, what, status, spec, result, priority,
                        max_parallel, max_attempts, cancel_requested_at, created_at, started_at,
                        completed_at, updated_at)
    select b.batch_id, 'batch', s.launch_id, b.run_id, b.dataset,
           b.operation || ' of ' || b.total_items || ' items', b.status,
           jsonb_build_object('operation', b.operation, 'scope', b.scope, 'candidates', b.model_configs,
                              'settings', b.settings, 'params', b.params),
           jsonb_build_object('summary', b.result_summary, 'champions', b.champion_summary),
           b.default_child_priority, b.max_parallel, b.max_attempts, b.cancel_requested_at, b.created_at,
           b.started_at, b.completed_at, b.updated_at
    from batch b
    left join launch s on b.batch_id = s.launch_id || '-batch'
    """,
    """
    insert into launch_item (item_id, launch_id, parent_item_id, series, candidate, params, status,
                             priority, attempts, metrics, made, run_id, child_run_id, error_message,
                             error_type, is_champion, priority_updated_at, priority_history, created_at,
                             started_at, completed_at, duration_ms)
    overriding system value
    select item_id, batch_id, parent_item_id, series, candidate, params, status, priority, attempts,
           metrics, made, child_job_id, child_run_id, error_message, error_type, is_champion,
           priority_updated_at, priority_history, created_at, started_at, completed_at, duration_ms
    from batch_item
    order by item_id
    """,
    """
    select setval(pg_get_serial_sequence('launch_item', 'item_id'), coalesce(max(item_id), 1),
                  max(item_id) is not null)
    from launch_item
    """,
    """
    insert into launch (launch_id, kind, part_of, run_id, dataset, what, status, spec, result, error,
                        max_parallel, cancel_requested_at, created_at, started_at, completed_at, updated_at)
    select c.run_id, 'compare', s.launch_id, coalesce(s.launch_id, c.run_id), c.dataset,
           coalesce(c.error, 'winner ' || c.winner, c.series), c.status,
           jsonb_build_object('series', c.series, 'settings', c.settings),
           jsonb_build_object('basis', c.laid_out, 'winner', c.winner, 'verdict', c.result),
           case when c.error is null then null else jsonb_build_object('problem', c.error) end,
           least(greatest(coalesce((c.settings ->> 'parallel')::integer, 1), 1), 64),
           c.cancel_requested_at, c.created_at, c.created_at, c.completed_at,
           coalesce(c.completed_at, c.created_at)
    from comparison c
    left join launch s on c.run_id = s.launch_id || '-compare'
    """,
    """
    insert into launch_item (launch_id, series, candidate, status, metrics, made, run_id, error_message,
                             error_type, created_at, started_at, completed_at, duration_ms)
    select k.run_id, c.series, k.candidate, k.status, k.metrics,
           case when k.forecasts is null then null
                else jsonb_build_object('fold_forecasts', k.forecasts) end,
           case when k.started_at is null then null else l.run_id end, k.error, k.error_type, c.created_at,
           k.started_at, k.completed_at, k.duration_ms
    from comparison_candidate k
    join comparison c using (run_id)
    join launch l on l.launch_id = k.run_id
    order by c.created_at, k.run_id, k.ordinal
    """,
    """
    insert into launch (launch_id, kind, run_id, dataset, requested_by, what, status, spec, result, error,
                        created_at, started_at, completed_at, updated_at)
    select run_id, 'pipeline', run_id, dataset, requested_by, summary,
           case when status = 'stopped' and summary like 'stopped because%' then 'cancelled'
                else coalesce(('{"success": "completed", "stopped": "completed", "error": "failed"}'::jsonb)
                              ->> status, status) end,
           jsonb_build_object('mode', mode, 'dry_run', dry_run, 'request', request,
                              'guardrails', guardrails),
           jsonb_build_object(
               'dataset_run', dataset_run, 'backtests', backtests, 'chosen', chosen, 'training', training,
               'next_steps', next_steps,
               'progress', jsonb_build_object('dry_run', dry_run, 'next_steps', next_steps)),
           error, created_at, created_at, finished_at, coalesce(finished_at, created_at)
    from pipeline_run
    """,
    # A showcase shows the sales of its day; nobody loads them again.
    """
    update dataset set options = options || '{"automatic": false}'
    where name like 'show-%' and source ->> 'kind' = 'preset'
    """,
    "drop table pipeline_run, comparison_candidate, comparison, batch_item, batch",
)

CARRIED_BACK = (
    """
    insert into batch (batch_id, run_id, dataset, operation, scope, model_configs, settings, params, status,
                       total_items, completed_items, failed_items, running_items, cancelled_items,
                       max_parallel, default_child_priority, max_attempts, result_summary,
                       champion_summary, cancel_requested_at, created_at, started_at, completed_at,
                       updated_at)
    select l.launch_id, l.run_id, l.dataset, l.spec ->> 'operation', l.spec -> 'scope',
           l.spec -> 'candidates', l.spec -> 'settings', l.spec -> 'params', l.status, n.total, n.completed,
           n.failed, n.running, n.cancelled, l.max_parallel, l.priority, l.max_attempts,
           nullif(l.result -> 'summary', 'null'), nullif(l.result -> 'champions', 'null'),
           l.cancel_requested_at, l.created_at, l.started_at, l.completed_at, l.updated_at
    from launch l
    join dataset d on d.name = l.dataset
    cross join lateral (
        select count(*) as total,
               count(*) filter (where i.status = 'completed') as completed,
               count(*) filter (where i.status = 'failed') as failed,
               count(*) filter (where i.status = 'running') as running,
               count(*) filter (where i.status = 'cancelled') as cancelled
        from launch_item i
        where i.launch_id = l.launch_id
          and not exists (select from launch_item later where later.parent_item_id = i.item_id)
    ) n
    where l.kind = 'batch'
    """,
    """
    insert into batch_item (item_id, batch_id, parent_item_id, series, store_id, product_id, candidate,
                            model_type, params, status, priority, attempts, metrics, made, child_job_id,
                            child_run_id, error_message, error_type, is_champion, priority_updated_at,
                            priority_history, created_at, started_at, last_attempt_at, completed_at,
                            duration_ms)
    overriding system value
    select i.item_id, i.launch_id, i.parent_item_id, i.series, split_part(i.series, '__', 2),
           split_part(i.series, '__', 3), i.candidate, split_part(i.candidate, '(', 1), i.params, i.status,
           i.priority, i.attempts, i.metrics, i.made, i.run_id, i.child_run_id, i.error_message,
           i.error_type, i.is_champion, i.priority_updated_at, i.priority_history, i.created_at,
           i.started_at, i.started_at, i.completed_at, i.duration_ms
    from launch_item i
    join batch b on b.batch_id = i.launch_id
    order by i.item_id
    """,
    """
    select setval(pg_get_serial_sequence('batch_item', 'item_id'), coalesce(max(item_id), 1),
                  max(item_id) is not null)
    from batch_item
    """,
    """
    insert into comparison (run_id, dataset, series, settings, status, total_candidates,
                            completed_candidates, failed_candidates, cancelled_candidates, laid_out, winner,
                            result, error, cancel_requested_at, created_at, completed_at)
    select l.launch_id, l.dataset, l.spec ->> 'series', l.spec -> 'settings', l.status, n.total,
           n.completed, n.failed, n.cancelled, nullif(l.result -> 'basis', 'null'), l.result ->> 'winner',
           nullif(l.result -> 'verdict', 'null'), l.error ->> 'problem', l.cancel_requested_at, l.created_at,
           l.completed_at
    from launch l
    join dataset d on d.name = l.dataset
    cross join lateral (
        select count(*) as total,
               case when l.completed_at is null then null
                    else count(*) filter (where i.status = 'completed') end as completed,
               case when l.completed_at is null then null
                    else count(*) filter (where i.status = 'failed') end as failed,
               case when l.completed_at is null then null
                    else count(*) filter (where i.status = 'cancelled') end as cancelled
        from launch_item i
        where i.launch_id = l.launch_id
          and not exists (select from launch_item later where later.parent_item_id = i.item_id)
    ) n
    where l.kind = 'compare'
    """,
    """
    insert into comparison_candidate (run_id, ordinal, candidate, status, metrics, forecasts, error,
                                      error_type, started_at, completed_at, duration_ms)
    select i.launch_id, row_number() over (partition by i.launch_id order by i.item_id), i.candidate,
           i.status, i.metrics, i.made -> 'fold_forecasts', i.error_message, i.error_type, i.started_at,
           i.completed_at, i.duration_ms
    from launch_item i
    join comparison c on c.run_id = i.launch_id
    where not exists (select from launch_item later where later.parent_item_id = i.item_id)
    """,
    """
    insert into pipeline_run (run_id, dataset, requested_by, mode, dry_run, request, guardrails, status,
                              dataset_run, backtests, chosen, training, summary, next_steps, error,
                              created_at, finished_at)
    select launch_id, dataset, requested_by, spec ->> 'mode', (spec ->> 'dry_run')::boolean,
           spec -> 'request', spec -> 'guardrails',
           case when status = 'completed' and nullif(result -> 'training', 'null') is not null then 'success'
                when status in ('completed', 'cancelled', 'partial') then 'stopped'
                when status = 'failed' then 'error'
                else status end,
           nullif(result -> 'dataset_run', 'null'), nullif(result -> 'backtests', 'null'),
           nullif(result -> 'chosen', 'null'), nullif(result -> 'training', 'null'), what,
           coalesce(result -> 'next_steps', '[]'), error, created_at, completed_at
    from launch
    where kind = 'pipeline'
    """,
    """
    insert into workspace (workspace_id, run_id, name, status, preset, seed, dataset, config, store_id,
                           product_id, date_start, date_end, created_objects, result_summary, steps,
                           archived, pinned, notes, tags, replayed_from, created_at, completed_at)
    select k.workspace_id, k.launch_id, k.name,
           case when l.status = 'completed' then 'completed'
                when l.completed_at is null then 'running' else 'failed' end,
           l.spec ->> 'preset', (l.spec ->> 'seed')::bigint, l.dataset, l.spec -> 'config',
           l.result ->> 'store_id', l.result ->> 'product_id', (l.result ->> 'date_start')::date,
           (l.result ->> 'date_end')::date, coalesce(l.result -> 'created_objects', '{}'),
           coalesce(l.result -> 'result_summary', '{}'), coalesce(l.result -> 'steps', '[]'), k.archived,
           k.pinned, k.notes, k.tags, k.replayed_from, l.created_at, l.completed_at
    from kept k
    join launch l using (launch_id)
    """,
    "drop table kept, launch_item, launch",
    "update dataset set options = options - 'automatic'",
    "alter table incident drop column dataset",
)


def _tables_before() -> tuple[str, ...]:
    """The tables that release 0.1 made for each kind of launched work."""
    made_by = spec_from_file_location("launched", Path(__file__).with_name("0004_launched.py"))
    if made_by is None or made_by.loader is None:
        raise FileNotFoundError("0004_launched.py")
    launched = module_from_spec(made_by)
    made_by.loader.exec_module(launched)
    return tuple(launched.TABLES)


def upgrade() -> None:
    for statement in (*TABLES, *CARRIED_OVER):
        op.execute(statement)


def downgrade() -> None:
    aside = ("create temp table kept as select * from workspace", "drop table workspace")
    for statement in (*aside, *_tables_before(), *CARRIED_BACK):
        op.execute(statement)

-- Question: what was launched, and how far is it?
-- Grain:    one row per batch, comparison, pipeline run or workspace; the newest first unless asked otherwise.
-- Values:   run_ids (array, or null for all), sort, at_most
with everything as (
    select 'batch' as kind, batch_id as run_id, dataset, status, created_at, completed_at,
           default_child_priority as priority,
           jsonb_build_object('total', total_items,
                              'pending', total_items - running_items - completed_items - failed_items
                                         - cancelled_items,
                              'running', running_items, 'completed', completed_items,
                              'failed', failed_items, 'cancelled', cancelled_items) as progress,
           operation || ' of ' || total_items || ' items' as what
    from batch
    union all
    select 'compare', c.run_id, c.dataset, c.status, c.created_at, c.completed_at, 0,
           jsonb_build_object('total', c.total_candidates,
                              'pending', count(*) filter (where k.status = 'pending'),
                              'running', count(*) filter (where k.status = 'running'),
                              'completed', count(*) filter (where k.status = 'completed'),
                              'failed', count(*) filter (where k.status = 'failed'),
                              'cancelled', count(*) filter (where k.status = 'cancelled')),
           coalesce(c.error, 'winner ' || c.winner, c.series)
    from comparison c
    left join comparison_candidate k using (run_id)
    group by c.run_id
    union all
    select 'pipeline', run_id, dataset, status, created_at, finished_at, 0,
           jsonb_build_object('dry_run', dry_run, 'next_steps', next_steps), summary
    from pipeline_run
    union all
    select 'showcase', run_id, dataset, status, created_at, completed_at, 0,
           jsonb_build_object('steps', jsonb_array_length(steps)), 'workspace ' || name
    from workspace
)
select kind, run_id, dataset, status, created_at, completed_at, priority, progress, what
from everything
where cast(:run_ids as text[]) is null or run_id = any(:run_ids)
order by case when :sort = 'completed_at' then completed_at end desc nulls last,
         case when :sort = 'status' then status end,
         case when :sort = 'priority' then priority end desc nulls last,
         created_at desc, run_id
limit :at_most

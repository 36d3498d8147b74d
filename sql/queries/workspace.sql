-- Question: what is on record of a workspace?
-- Grain:    one row, or none.
-- Values:   workspace_id
select w.workspace_id, w.launch_id as run_id, w.name, l.status, l.spec ->> 'preset' as preset,
       cast(l.spec ->> 'seed' as bigint) as seed, l.dataset, l.spec -> 'config' as config,
       l.result ->> 'store_id' as store_id, l.result ->> 'product_id' as product_id,
       cast(l.result ->> 'date_start' as date) as date_start,
       cast(l.result ->> 'date_end' as date) as date_end,
       coalesce(l.result -> 'created_objects', '{}') as created_objects,
       coalesce(l.result -> 'result_summary', '{}') as result_summary,
       coalesce(l.result -> 'steps', '[]') as steps, w.archived, w.pinned, w.notes, w.tags, w.replayed_from,
       l.created_at, l.completed_at
from workspace w
join launch l using (launch_id)
where w.workspace_id = :workspace_id

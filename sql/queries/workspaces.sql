-- Question: which showcase runs were kept?
-- Grain:    one row per workspace, pinned ones first; then the newest unless another order is asked for.
-- Values:   name (part of it), tags (all of them), archived (whether to show those, too), sort
select w.workspace_id, w.name, l.status, l.spec ->> 'preset' as preset,
       cast(l.spec ->> 'seed' as bigint) as seed, l.dataset,
       l.result -> 'result_summary' ->> 'winner_model_type' as winner,
       cast(l.result -> 'result_summary' ->> 'winner_wape' as double precision) as wape, w.tags, w.pinned,
       w.archived, w.replayed_from, l.created_at, l.completed_at
from workspace w
join launch l using (launch_id)
where strpos(w.name, :name) > 0 and w.tags @> cast(:tags as text[]) and (:archived or not w.archived)
order by w.pinned desc,
         case when :sort = 'name' then w.name end,
         case when :sort = 'seed' then cast(l.spec ->> 'seed' as bigint) end,
         case when :sort = 'status' then l.status end,
         l.created_at desc, w.workspace_id

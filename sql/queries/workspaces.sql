-- Question: which showcase runs were kept?
-- Grain:    one row per workspace, pinned ones first; then the newest unless another order is asked for.
-- Values:   name (part of it), tags (all of them), archived (whether to show those, too), sort
select workspace_id, name, status, preset, seed, dataset, result_summary ->> 'winner_model_type' as winner,
       cast(result_summary ->> 'winner_wape' as double precision) as wape, tags, pinned, archived,
       replayed_from, created_at, completed_at
from workspace
where strpos(name, :name) > 0 and tags @> cast(:tags as text[]) and (:archived or not archived)
order by pinned desc,
         case when :sort = 'name' then name end,
         case when :sort = 'seed' then seed end,
         case when :sort = 'status' then status end,
         created_at desc, workspace_id

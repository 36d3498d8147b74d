-- Question: which kept showcase does this one repeat, and which one did that repeat?
-- Grain:    one row per workspace of the chain, itself first (depth 0); it ends at a deleted one.
-- Values:   workspace_id, at_most (depth)
with recursive chain as (
    select workspace_id, launch_id, name, replayed_from, 0 as depth
    from workspace
    where workspace_id = :workspace_id
    union all
    select w.workspace_id, w.launch_id, w.name, w.replayed_from, c.depth + 1
    from chain c
    join workspace w on w.workspace_id = c.replayed_from
    where c.depth < :at_most
)
select c.depth, c.workspace_id, c.name, l.status, l.created_at, c.replayed_from
from chain c
join launch l using (launch_id)
order by c.depth

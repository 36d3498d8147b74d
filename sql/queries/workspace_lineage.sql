-- Question: which kept showcase does this one repeat, and which one did that repeat?
-- Grain:    one row per workspace of the chain, itself first (depth 0); it ends at a deleted one.
-- Values:   workspace_id, at_most (depth)
with recursive chain as (
    select workspace_id, name, status, replayed_from, created_at, 0 as depth
    from workspace
    where workspace_id = :workspace_id
    union all
    select w.workspace_id, w.name, w.status, w.replayed_from, w.created_at, c.depth + 1
    from chain c
    join workspace w on w.workspace_id = c.replayed_from
    where c.depth < :at_most
)
select depth, workspace_id, name, status, created_at, replayed_from from chain order by depth

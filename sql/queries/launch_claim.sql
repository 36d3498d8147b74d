-- Statement: take the items that are next, all of one band: the highest one first, then the oldest.
-- Values:    launch_id, run_id, at_most
-- A group is computed in one pass; its first item runs, so that as many run as groups are in hand.
with next as (
    select i.item_id, i.priority
    from launch_item i
    join launch l using (launch_id)
    where i.launch_id = :launch_id and i.status = 'pending' and i.run_id is null
      and l.cancel_requested_at is null
    order by i.priority desc, i.created_at, i.item_id
    limit :at_most
    for update of i skip locked
),
group_of_one_band as (
    select item_id, item_id = min(item_id) over () as is_first
    from next
    where priority = (select max(priority) from next)
),
taken as (
    update launch_item i
    set status = case when g.is_first then 'running' else 'pending' end, started_at = clock_timestamp(),
        run_id = :run_id
    from group_of_one_band g
    where i.item_id = g.item_id
    returning i.item_id, i.series, i.candidate
)
select item_id, series, candidate from taken order by item_id

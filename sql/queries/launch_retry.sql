-- Statement: try failed items again: a new item for each, which names the one before it.
-- Values:    launch_id, items (array of ids, or null for all failed ones)
insert into launch_item (launch_id, parent_item_id, series, candidate, params, priority, attempts)
select i.launch_id, i.item_id, i.series, i.candidate, i.params, i.priority, i.attempts + 1
from launch_item i
where i.launch_id = :launch_id and i.status = 'failed'
  and not exists (select from launch_item later where later.parent_item_id = i.item_id)
  and (cast(:items as bigint[]) is null or i.item_id = any(:items))
order by i.item_id

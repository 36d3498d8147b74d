-- Question: what was launched, and how far is it? Parts of a showcase are named by their id alone.
-- Grain:    one row per launch; the newest first unless asked otherwise. Of an item the newest try counts.
-- Values:   ids (array, or null for all that are no parts), sort, at_most
with chosen as (
    select *
    from launch
    where launch_id = any(:ids) or (cast(:ids as text[]) is null and part_of is null)
    order by case when :sort = 'completed_at' then completed_at end desc nulls last,
             case when :sort = 'status' then status end,
             case when :sort = 'priority' then priority end desc nulls last,
             created_at desc, launch_id
    limit :at_most
)
select c.*, n.*
from chosen c
cross join lateral (
    select count(*) as total,
           count(*) filter (where i.status = 'pending') as pending,
           count(*) filter (where i.status = 'running') as running,
           count(*) filter (where i.status = 'completed') as completed,
           count(*) filter (where i.status = 'failed') as failed,
           count(*) filter (where i.status = 'cancelled') as cancelled
    from launch_item i
    where i.launch_id = c.launch_id
      and not exists (select from launch_item later where later.parent_item_id = i.item_id)
) n
order by case when :sort = 'completed_at' then c.completed_at end desc nulls last,
         case when :sort = 'status' then c.status end,
         case when :sort = 'priority' then c.priority end desc nulls last,
         c.created_at desc, c.launch_id

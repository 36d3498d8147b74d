-- Question: what became of the items of a launch?
-- Grain:    one row per try of an item, in the order in which they were asked for.
-- Values:   launch_id
select i.*, coalesce(s.store_id, split_part(i.series, '__', 2)) as store_id,
       coalesce(s.product_id, split_part(i.series, '__', 3)) as product_id,
       exists (select from launch_item later where later.parent_item_id = i.item_id) as tried_again
from launch_item i
left join series s on s.series = i.series
where i.launch_id = :launch_id
order by i.item_id

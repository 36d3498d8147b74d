-- Question: what became of every item of a batch, for a spreadsheet?
-- Grain:    one row per try of an item, in the order in which they were asked for.
-- Values:   launch_id
select item_id as "Item ID", coalesce(s.store_id, split_part(series, '__', 2)) as "Store ID",
       coalesce(s.product_id, split_part(series, '__', 3)) as "Product ID", candidate as "Model", status as "Status",
       attempts as "Attempts", run_id as "Child Job ID", child_run_id as "Child Run ID",
       error_message as "Error", started_at as "Started", completed_at as "Completed",
       duration_ms as "Duration (ms)"
from launch_item
left join series s using (series)
where launch_id = :launch_id
order by item_id

-- Question: what became of every item of a batch, for a spreadsheet?
-- Grain:    one row per try of an item, in the order in which they were asked for.
-- Values:   batch_id
select item_id as "Item ID", store_id as "Store ID", product_id as "Product ID", candidate as "Model",
       status as "Status", attempts as "Attempts", child_job_id as "Child Job ID",
       child_run_id as "Child Run ID", error_message as "Error", started_at as "Started",
       completed_at as "Completed", duration_ms as "Duration (ms)"
from batch_item
where batch_id = :batch_id
order by item_id

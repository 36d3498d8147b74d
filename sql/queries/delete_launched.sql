-- Statement: forget launched records and all that belongs to them; their files become orphans.
-- Values:    ids (array)
with batches as (delete from batch where batch_id = any(:ids)),
     comparisons as (delete from comparison where run_id = any(:ids))
delete from pipeline_run where run_id = any(:ids)

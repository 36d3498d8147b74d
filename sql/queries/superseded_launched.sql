-- Question: which batches, comparisons and pipelines ended long ago, and are part of no kept showcase?
-- Grain:    one row per record.
-- Values:   before
with ended as (
    select batch_id as id from batch where completed_at < :before
    union all
    select run_id from comparison where completed_at < :before
    union all
    select run_id from pipeline_run where finished_at < :before
)
select id
from ended
where not exists (
    select from workspace w
    where w.created_objects ->> 'batch_id' = ended.id or w.created_objects ->> 'comparison_id' = ended.id
)

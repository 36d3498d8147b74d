-- Question: what became of every item of a batch, for another program?
-- Grain:    one row per try of an item, in the order in which they were asked for.
-- Values:   launch_id
select i.item_id, i.series, s.store_id, s.product_id, i.candidate, i.status, i.attempts,
       cast(i.metrics ->> 'wape' as double precision) as wape,
       cast(i.metrics ->> 'smape' as double precision) as smape,
       cast(i.metrics ->> 'mae' as double precision) as mae,
       cast(i.metrics ->> 'bias' as double precision) as bias,
       cast(i.outputs ->> 'rmse' as double precision) as rmse,
       cast(i.outputs ->> 'wape_bias' as double precision) as wape_bias,
       cast(i.outputs ->> 'total_error' as double precision) as total_error,
       cast(i.metrics ->> 'sample_size' as integer) as sample_size,
       i.error_message, i.started_at, i.completed_at, i.duration_ms, i.child_run_id
from launch_item i
left join series s using (series)
where i.launch_id = :launch_id
order by i.item_id

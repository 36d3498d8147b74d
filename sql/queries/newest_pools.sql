-- Question: which pools of errors has a dataset, the one that an evaluation used last first, those of launched work at the end?
-- Grain:    one row per pool.
-- Values:   dataset
select * from global_forecast
where dataset = :dataset and candidate = 'pool'
order by used_at desc nulls last, created_at desc, run_id

-- Question: which pools of errors has a dataset, the one that was used last first?
-- Grain:    one row per pool.
-- Values:   dataset
select * from global_forecast
where dataset = :dataset and candidate = 'pool'
order by created_at desc, run_id

-- Question: which pool of errors did a dataset learn last?
-- Grain:    one row, or none.
-- Values:   dataset
select * from global_forecast
where dataset = :dataset and candidate = 'pool'
order by created_at desc, run_id
limit 1

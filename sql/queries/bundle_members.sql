-- Question: how many versions does each bundle of these MLflow runs serve?
-- Grain:    one row per bundle.
-- Values:   runs (array)
select mlflow_run, path, count(*) as versions
from model_version
where mlflow_run = any(:runs)
group by mlflow_run, path

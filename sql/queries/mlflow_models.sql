-- Question: which of these models exist, in MLflow's own tables?
-- Grain:    one row per model.
-- Values:   names (array)
select name
from registered_models
where name = any(:names)

-- Question: which versions do these models have, in MLflow's own tables?
-- Grain:    one row per version.
-- Values:   names (array)
select name, version
from model_versions
where name = any(:names) and current_stage <> 'Deleted_Internal'

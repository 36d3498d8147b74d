-- Question: which versions do the aliases of these models mean, in MLflow's own tables?
-- Grain:    one row per model and alias.
-- Values:   names (array)
select name, alias, version
from registered_model_aliases
where name = any(:names)

-- Question: which global models forecast a dataset's future, and what did they learn from?
-- Grain:    one row per candidate.
-- Values:   dataset
select candidate, snapshot, anchor_day, recipe, digest, path, failure, run_id, fitted_at
from production_model
where dataset = :dataset
order by candidate

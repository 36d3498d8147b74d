-- Question: below which folders does MLflow look for the files of our models, in its own tables?
-- Grain:    one row per experiment.
-- Values:   none
select name, artifact_location as place
from experiments
where name like 'forecast\_assets/%' and lifecycle_stage = 'active'

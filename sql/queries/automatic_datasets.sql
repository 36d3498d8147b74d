-- Question: which datasets do schedules and sensors load and evaluate by themselves?
-- Grain:    one row per dataset, by name.
-- Values:   none
select name
from dataset
where options ->> 'automatic' is distinct from 'false'
order by name

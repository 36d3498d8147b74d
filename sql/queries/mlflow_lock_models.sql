-- Question: which of these models exist? Whoever else adds a version to one of them waits from now on.
-- Grain:    one row per model, in one order for everybody.
-- Values:   names (array)
select name
from registered_models
where name = any(:names)
order by name
for update

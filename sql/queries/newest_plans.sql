-- Question: which plans were kept last?
-- Grain:    one row per plan, the newest first.
-- Values:   at_most (number of plans)
select name
from plan
order by made_at desc, name collate "C"
limit :at_most

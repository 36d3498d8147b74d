-- Question: which launches ended long ago, and are no kept showcase? Parts go with their whole.
-- Grain:    one row per launch.
-- Values:   before
select launch_id
from launch l
where completed_at < :before and part_of is null
  and not exists (select from workspace w where w.launch_id = l.launch_id)

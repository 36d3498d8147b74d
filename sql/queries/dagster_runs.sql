-- Question: how many runs has Dagster, and when did the newest of them change?
-- Grain:    one row per status.
-- Values:   own_run (which does not count, or null), since
select lower(status) as status,
       count(*) filter (where run_id is distinct from :own_run) as runs,
       count(*) filter (where update_timestamp at time zone 'UTC' > :since) as runs_since,
       max(update_timestamp) at time zone 'UTC' as newest
from dagster.runs
group by status

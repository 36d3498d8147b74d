-- Statement: take the next pending candidate, in the order in which they were asked for.
-- Values:    run_id
update comparison_candidate c
set status = 'running', started_at = clock_timestamp()
from (
    select k.run_id, k.ordinal
    from comparison_candidate k
    join comparison p using (run_id)
    where k.run_id = :run_id and k.status = 'pending' and p.cancel_requested_at is null
    order by k.ordinal
    limit 1
    for update of k skip locked
) next
where c.run_id = next.run_id and c.ordinal = next.ordinal
returning c.ordinal, c.candidate

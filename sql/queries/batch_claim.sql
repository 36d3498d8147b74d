-- Statement: take the pending items that are next: the highest band first, then the oldest, of one band only.
-- Values:    batch_id, run_id, at_most
with next as (
    select i.item_id, i.priority
    from batch_item i
    join batch b using (batch_id)
    where i.batch_id = :batch_id and i.status = 'pending' and b.cancel_requested_at is null
    order by i.priority desc, i.created_at, i.item_id
    limit :at_most
    for update of i skip locked
),
taken as (
    update batch_item i
    set status = 'running', started_at = clock_timestamp(), last_attempt_at = clock_timestamp(),
        child_job_id = :run_id
    from next
    where i.item_id = next.item_id and next.priority = (select max(priority) from next)
    returning i.item_id, i.series, i.candidate, i.priority, i.attempts
)
select * from taken order by item_id

-- Statement: bring the counts of a batch up to date; of an item tried again only the newest try counts.
-- Values:    batch_id
with newest as (
    select i.status
    from batch_item i
    where i.batch_id = :batch_id
      and not exists (select from batch_item later where later.parent_item_id = i.item_id)
)
update batch b
set completed_items = n.completed, failed_items = n.failed, running_items = n.running,
    cancelled_items = n.cancelled, updated_at = now()
from (
    select count(*) filter (where status = 'completed') as completed,
           count(*) filter (where status = 'failed') as failed,
           count(*) filter (where status = 'running') as running,
           count(*) filter (where status = 'cancelled') as cancelled
    from newest
) n
where b.batch_id = :batch_id

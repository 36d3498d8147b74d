-- Statement: forget a dataset; its snapshots, series and results go with it, and what was launched for it.
-- Values:    name
-- A launch that still runs ends by itself; a kept showcase stays as the record of what it did.
with launches as (
    delete from launch l
    where l.dataset = :name and l.completed_at is not null and l.part_of is null
      and not exists (select from workspace w where w.launch_id = l.launch_id)
)
delete from dataset where name = :name

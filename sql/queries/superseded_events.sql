-- Question: how many events of finished runs say only what a newer one says again, and how large are they?
-- Grain:    one row.
-- Values:   before (nothing newer is counted; reads the passing table kept_event)
select count(*) as count, coalesce(sum(pg_column_size(e.event)), 0)::bigint as bytes
from dagster.event_logs e
join dagster.runs r on r.run_id = e.run_id and r.status in ('SUCCESS', 'FAILURE', 'CANCELED')
where e.asset_key is not null and e.timestamp < :before
  and e.id not in (select id from kept_event where id is not null)

-- Statement: delete what superseded_events counts.
-- Values:    before (reads the passing table kept_event)
delete from dagster.event_logs e
using dagster.runs r
where r.run_id = e.run_id and r.status in ('SUCCESS', 'FAILURE', 'CANCELED')
  and e.asset_key is not null and e.timestamp < :before
  and e.id not in (select id from kept_event where id is not null)

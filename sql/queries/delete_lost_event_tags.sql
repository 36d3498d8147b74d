-- Statement: delete tags of events that are gone.
-- Values:    none
delete from dagster.asset_event_tags t
where not exists (select 1 from dagster.event_logs e where e.id = t.event_id)

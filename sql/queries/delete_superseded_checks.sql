-- Statement: delete results of checks that a newer result of the same check replaced.
-- Values:    before (reads the passing table kept_event)
delete from dagster.asset_check_executions c
where c.evaluation_event_timestamp < :before
  and c.evaluation_event_storage_id not in (select id from kept_event where id is not null)

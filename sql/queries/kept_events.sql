-- Statement: remember the newest event of each kind about each partition of each asset, and of each check.
-- Values:    none
create temp table kept_event on commit drop as
select max(id) as id
from dagster.event_logs
where asset_key is not null
group by asset_key, partition, dagster_event_type
union
select max(evaluation_event_storage_id)
from dagster.asset_check_executions
group by asset_key, check_name, partition

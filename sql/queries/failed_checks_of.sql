-- Question: did a check of a partition ever fail so that its verdict speaks of an error?
-- Grain:    one row per name of such a check.
-- Values:   checks (array of names), partition
select distinct check_name as name
from dagster.asset_check_executions
where execution_status = 'FAILED' and evaluation_event like '%ERROR%' and partition = :partition and check_name = any(:checks)

-- Question: how many days does the newest panel of a dataset expect, and how many have no row?
-- Grain:    one row.
-- Values:   dataset
select count(*) as series, cast(coalesce(sum(missing_days), 0) as bigint) as missing_days,
       cast(coalesce(sum(expected_days), 0) as bigint) as expected_days
from availability
where dataset = :dataset

-- Question: how many forecasts were replaced by newer ones, and speak of nothing but the past?
-- Grain:    one row.
-- Values:   before (only those whose last day is older, and that were made earlier)
select count(*) as count
from forecast
where not is_current and made_at < :before and first_day + horizon <= cast(:before as date)

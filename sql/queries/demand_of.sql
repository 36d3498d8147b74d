-- Question: how much do these series sell on a day?
-- Grain:    one row per series that was delivered.
-- Values:   series (array)
select series, average_daily_demand
from availability
where series = any(:series)

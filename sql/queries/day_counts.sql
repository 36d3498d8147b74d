-- Question: how many days of these series are observed, how much sells on one, and how regularly?
-- Grain:    one row per series of the newest panel.
-- Values:   series (array)
select series, observed_days, expected_days, average_daily_demand, demand_class
from availability
where series = any(:series)

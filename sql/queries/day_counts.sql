-- Question: how many days of these series are observed, and how much sells on one?
-- Grain:    one row per series of the newest panel.
-- Values:   series (array)
select series, observed_days, expected_days, average_daily_demand
from availability
where series = any(:series)

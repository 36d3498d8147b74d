-- Statement: the forecasts of the staged series are no longer the current ones.
-- Values:    none
update forecast f
set is_current = false
from staged s
where f.series = s.series and f.is_current

-- Statement: the forecasts of the staged series are no longer the current ones; their files keep the stock plans.
-- Values:    none
update forecast f
set is_current = false, stock = case when f.stock_is_filed then null else f.stock end
from staged s
where f.series = s.series and f.is_current

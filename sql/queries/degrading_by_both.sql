-- Question: which series degrade by their newest week and over their evaluations, and when were they last requested?
-- Grain:    one row per series, most units at risk first.
-- Values:   none
select d.series, d.dataset, d.reason, d.units_at_risk,
       (select max(requested_at) from retrain_request q where q.series = d.series) as requested_at
from drift d
where d.verdict = 'degrading' and d.drift_direction = 'degrading'
order by d.units_at_risk desc, d.series

-- Question: how many series of each dataset degrade, and how many alarms would be there if nothing had changed?
-- Grain:    one row per dataset with judged series, by name; ``worst`` are the five with most units at risk.
-- Values:   none
select dataset, count(*) as judged,
       count(*) filter (where verdict = 'degrading') as flagged,
       count(*) filter (where verdict = 'unknown') as unknown,
       count(*) filter (where drift_direction = 'degrading') as degrading,
       coalesce(sum(false_alarm), 0) as by_chance,
       coalesce(sum(units_at_risk), 0) as units_at_risk,
       (array_agg(series order by units_at_risk desc, series)
           filter (where 'degrading' in (verdict, drift_direction)))[1:5] as worst
from drift
group by dataset
order by dataset

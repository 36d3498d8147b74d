-- Question: how much do products like these sell on a day?
-- Grain:    one row per series; the mean over usable series of the same product, else store, else dataset.
-- Values:   series (array)
select s.series,
       coalesce(
           (select avg(a.average_daily_demand) from availability a join series o using (series)
             where o.dataset = s.dataset and o.product_id = s.product_id and o.series <> s.series
               and a.state <> 'unusable'),
           (select avg(a.average_daily_demand) from availability a join series o using (series)
             where o.dataset = s.dataset and o.store_id = s.store_id and o.series <> s.series
               and a.state <> 'unusable'),
           (select avg(a.average_daily_demand) from availability a
             where a.dataset = s.dataset and a.series <> s.series and a.state <> 'unusable')
       ) as units
from series s
where s.series = any(:series)

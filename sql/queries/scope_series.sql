-- Question: which series does the newest snapshot of a dataset deliver, and what is known of them?
-- Grain:    one row per series, by store and product.
-- Values:   dataset
select s.series, s.store_id, s.product_id, s.static
from series s
join availability a using (series)
where s.dataset = :dataset
order by s.store_id collate "C", s.product_id collate "C"

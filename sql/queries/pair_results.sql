-- Question: what is known of every candidate of every pair, and which is the pair's champion?
-- Grain:    one row per series and candidate of the newest evaluation.
-- Values:   dataset
select m.series, s.store_id, s.product_id, m.candidate, m.wape, m.smape, m.mae, m.bias, m.wape_bias,
       m.total_error, m.sample_size, e.run_id, e.evaluated_at as created_at, c.champion
from backtest_metric m
join series s using (series)
join evaluation e using (series)
left join champion c on c.series = m.series and c.is_current
where m.dataset = :dataset
order by m.series collate "C", m.candidate

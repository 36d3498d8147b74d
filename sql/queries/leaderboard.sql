-- Question: how did every candidate do for these series, the best first?
-- Grain:    one row per series and candidate; those without a rank come last, by name.
-- Values:   dataset, series (array, or null for all of the dataset)
select m.series, s.store_id, s.product_id, m.rank, m.candidate, m.status, m.wape, m.smape, m.mae, m.bias,
       m.sample_size, m.rmse, m.wape_bias, m.total_error, m.pinball, m.wql, m.coverage_80, m.coverage_95,
       m.stock_cost, m.service, m.stability, m.reason, m.fold_wape
from backtest_metric m
join series s using (series)
where m.dataset = :dataset and (cast(:series as text[]) is null or m.series = any(:series))
order by m.series collate "C", m.rank nulls last, m.candidate

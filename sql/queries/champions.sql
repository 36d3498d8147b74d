-- Question: which candidate forecasts each series from now on, how good is it, and how sure is that?
-- Grain:    one row per series with a current choice, by key.
-- Values:   dataset, series (array, or null for all of the dataset)
select c.series, s.store_id, s.product_id, c.champion, c.wape, c.smape, c.mae, c.bias, c.sample_size, c.rmse,
       c.expected_wape, c.expected_bias, c.claim_reason, m.wape_bias, m.total_error, m.wql, m.coverage_80,
       m.coverage_95, m.stock_cost, m.service,
       c.skill_vs_seasonal_naive, c.confidence, c.reason, c.runner_up, c.policy, c.snapshot, c.run_id,
       c.chosen_at
from champion c
join series s using (series)
left join backtest_metric m on m.series = c.series and m.candidate = c.champion
where c.dataset = :dataset and c.is_current and (cast(:series as text[]) is null or c.series = any(:series))
order by c.series collate "C"

-- Question: how good were the forecasts of each series live, beside its backtest?
-- Grain:    one row per series and range of lead with a scored day; those that are worst beside theirs first.
-- Values:   dataset, series (array, or null for all of the dataset)
select a.series, s.store_id, s.product_id, a.bucket, a.wape, a.bias, a.mae, a.backtest_wape, a.backtest_bias,
       a.wape - a.backtest_wape as wape_above_backtest, a.forecasts, a.sample_size, a.first_day, a.last_day,
       a.run_id, a.scored_at
from forecast_accuracy a
join series s using (series)
where a.dataset = :dataset and (cast(:series as text[]) is null or a.series = any(:series))
order by a.bucket <> 'all', a.bucket, a.wape - a.backtest_wape desc nulls last, a.series collate "C"

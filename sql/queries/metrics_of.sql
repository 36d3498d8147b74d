-- Question: what are the stored metrics of these series?
-- Grain:    one row per series and candidate.
-- Values:   series (array)
select series, candidate, rank, wape, smape, mae, bias, rmse, wape_bias, total_error, pinball, wql, coverage_80,
       coverage_95, stock_cost, service, sample_size, stability, fold_wape, reason
from backtest_metric
where series = any(:series)

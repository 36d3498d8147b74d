-- Question: which candidate forecasts these series from now on, and where are the folds it was measured on?
-- Grain:    one row per series with a current choice.
-- Values:   series (array)
select c.series, c.champion, c.wape, c.bias, c.reason, c.expected_wape, c.expected_bias,
       c.claim_reason, c.fingerprint, e.path
from champion c
left join evaluation e using (series)
where c.is_current and c.series = any(:series)

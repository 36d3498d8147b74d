-- Question: what is the stored result of these series?
-- Grain:    one row per evaluated series, by key.
-- Values:   series (array)
select e.series, e.outcome, e.availability, e.reason, e.folds, e.run_id, e.fingerprint, e.snapshot, e.path,
       e.anchor_day, e.evaluated_at, c.champion, c.wape, c.bias, c.expected_wape, c.expected_bias, c.claim_reason, c.skill_vs_seasonal_naive, c.confidence,
       c.reason as sentence, c.explanation
from evaluation e
left join champion c on c.series = e.series and c.is_current
where e.series = any(:series)
order by e.series collate "C"

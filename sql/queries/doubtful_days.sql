-- Question: which series of the newest panel have days without a row, or too few observed ones?
-- Grain:    one row per such series, by key.
-- Values:   dataset, least_coverage
select series, state, reason, missing_days, expected_days, coverage
from availability
where dataset = :dataset and (missing_days > 0 or coalesce(coverage, 0) < :least_coverage)
order by series collate "C"

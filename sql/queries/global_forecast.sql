-- Question: which fit of a global candidate belongs to these folds?
-- Grain:    one row, or none.
-- Values:   dataset, candidate, settings_hash
select * from global_forecast
where dataset = :dataset and candidate = :candidate and settings_hash = :settings_hash

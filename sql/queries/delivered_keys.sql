-- Question: which series does the newest panel of a dataset have?
-- Grain:    one row per series, by key.
-- Values:   dataset
select series from availability where dataset = :dataset order by series collate "C"

-- Question: which series did a dataset ever have?
-- Grain:    one row per series, by key.
-- Values:   dataset
select series from series where dataset = :dataset order by series collate "C"

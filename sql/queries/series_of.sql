-- Question: which series did a dataset ever have, and what is known of each?
-- Grain:    one row per series, by key.
-- Values:   dataset
select series, store_id, product_id, static from series where dataset = :dataset order by series collate "C"

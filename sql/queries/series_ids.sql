-- Question: what do people call the store and product of these series, where the keys do not say it?
-- Grain:    one row per series whose ids have another form in its key, by key.
-- Values:   dataset, series (array, or null for all of the dataset)
select series, store_id, product_id
from series
where dataset = :dataset and (cast(:series as text[]) is null or series = any(:series))
  and series <> dataset || '__' || store_id || '__' || product_id
order by series collate "C"

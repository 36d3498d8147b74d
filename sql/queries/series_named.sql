-- Question: which series is called by the ids of its store and product?
-- Grain:    one row, or none.
-- Values:   dataset, name (STORE__PRODUCT as their source writes them)
select series from series where dataset = :dataset and store_id || '__' || product_id = :name

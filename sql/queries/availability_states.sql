-- Question: how many series of a dataset are ready, limited, unusable?
-- Grain:    one row per state that occurs.
-- Values:   dataset
select state, count(*) as series from availability where dataset = :dataset group by state order by state

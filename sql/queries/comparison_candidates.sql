-- Question: what became of the candidates of a comparison?
-- Grain:    one row per candidate, in the order in which they were asked for.
-- Values:   run_id
select * from comparison_candidate where run_id = :run_id order by ordinal

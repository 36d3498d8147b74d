-- Question: what is on record of a workspace?
-- Grain:    one row, or none.
-- Values:   workspace_id
select * from workspace where workspace_id = :workspace_id

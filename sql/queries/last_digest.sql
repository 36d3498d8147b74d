-- Question: when was the newest digest made?
-- Grain:    one row.
-- Values:   none
select max(made_at) as made_at from alert where is_digest

-- Question: how many retrainings were requested since a moment?
-- Grain:    one row.
-- Values:   since
select count(*) as requests from retrain_request where requested_at > :since

-- Question: where does the newest panel of a dataset lie that is of another snapshot than this?
-- Grain:    one row, or none.
-- Values:   dataset, hash
select panel_path
from snapshot
where dataset = :dataset and hash <> :hash and panel_path is not null
order by created_at desc
limit 1

-- Question: which candidates are champions of a dataset's series?
-- Grain:    one row per candidate.
-- Values:   dataset
select distinct champion
from champion
where dataset = :dataset and is_current and champion is not null
order by champion

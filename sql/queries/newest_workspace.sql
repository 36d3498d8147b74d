-- Question: which showcase was kept last, and is not archived?
-- Grain:    one row, or none.
-- Values:   none
select w.workspace_id
from workspace w
join launch l using (launch_id)
where not w.archived
order by l.created_at desc, w.workspace_id
limit 1

-- Question: what became of the items of a batch?
-- Grain:    one row per item, tries among them, in the order in which they were asked for.
-- Values:   batch_id
select i.*, exists (select from batch_item later where later.parent_item_id = i.item_id) as tried_again
from batch_item i
where i.batch_id = :batch_id
order by i.item_id

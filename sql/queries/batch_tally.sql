-- Question: how many items of a batch are in which state, by candidate, and how many tries did they take?
-- Grain:    one row per candidate and state; of an item tried again only the newest try is counted.
-- Values:   batch_id
select i.candidate, i.status, count(*) as items, sum(i.attempts) as attempts
from batch_item i
where i.batch_id = :batch_id
  and not exists (select from batch_item later where later.parent_item_id = i.item_id)
group by i.candidate, i.status
order by i.candidate, i.status

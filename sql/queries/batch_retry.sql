-- Statement: try failed items again: a new item for each, which names the one before it.
-- Values:    batch_id, items (array of ids, or null for all failed ones)
insert into batch_item (batch_id, parent_item_id, series, store_id, product_id, candidate, model_type, params,
                        priority, attempts)
select i.batch_id, i.item_id, i.series, i.store_id, i.product_id, i.candidate, i.model_type, i.params,
       i.priority, i.attempts + 1
from batch_item i
where i.batch_id = :batch_id and i.status = 'failed'
  and not exists (select from batch_item later where later.parent_item_id = i.item_id)
  and (cast(:items as bigint[]) is null or i.item_id = any(:items))
order by i.item_id

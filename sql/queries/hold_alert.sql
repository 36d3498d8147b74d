-- Question: what does this message say, if nobody else is handing it over?
-- Grain:    one row, held until the transaction ends, or none.
-- Values:   id
select id, channel, subject, body, attempts from alert
where id = :id and sent_at is null
for update skip locked

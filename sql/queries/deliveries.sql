-- Question: which series did a dataset ever have, and does the newest snapshot still deliver them?
-- Grain:    one row per series, by key; ``ended`` says that its end is on record already.
-- Values:   dataset
select s.series, a.series is not null as delivered,
       coalesce(e.fingerprint = 'ended' and c.fingerprint = 'ended', false) as ended
from series s
left join availability a using (series)
left join evaluation e using (series)
left join champion c on c.series = s.series and c.is_current
where s.dataset = :dataset
order by s.series collate "C"

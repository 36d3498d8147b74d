-- Question: which version was live before each of these was made live, rollbacks apart?
-- Grain:    one row per series whose version was ever made live; previous is null where nothing was live before.
-- Values:   series, versions (arrays, side by side)
select distinct on (p.series) p.series, p.from_version as previous
from unnest(cast(:series as text[]), cast(:versions as integer[])) as wanted (series, version)
join promotion p on p.series = wanted.series and p.to_version = wanted.version
where p.state = 'applied' and p.action <> 'rolled_back'
order by p.series, p.id desc

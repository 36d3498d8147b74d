-- Question: which versions of these series were rolled back, and not made live again since?
-- Grain:    one row per series and version.
-- Values:   series (array)
select distinct on (p.series, p.from_version) p.series, p.from_version as version, p.approved_by, p.reason,
       p.written_at
from promotion p
where p.series = any(:series) and p.state = 'applied' and p.action = 'rolled_back'
  and p.from_version is not null
  and not exists (
      select from promotion later
      where later.series = p.series and later.state = 'applied' and later.id > p.id
        and later.to_version = p.from_version
  )
order by p.series, p.from_version, p.id desc

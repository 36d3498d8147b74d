-- Statement: record sightings that were not recorded before; open an incident, or count in the open one.
-- Values:    sightings (JSON list of objects with event, key, kind, severity, what, next_step, link, at, dataset)
-- Whoever fails differently is told again; a text that differs in numbers alone says the same.
with given as (
    select distinct on (s.event) s.* from jsonb_to_recordset(cast(:sightings as jsonb)) as s (
        event text, key text, kind text, severity text, what text, next_step text, link text, at timestamptz,
        dataset text
    )
    order by s.event, s.at
),
fresh as (
    insert into incident_sighting (event, seen_at)
    select event, at from given order by event
    on conflict do nothing
    returning event
),
newest as (
    select distinct on (g.key) g.*, count(*) over (partition by g.key) as times,
           min(g.at) over (partition by g.key) as opened_at
    from given g
    join fresh using (event)
    order by g.key, g.at desc
),
counted as (
    insert into incident as i
        (key, kind, severity, what, next_step, link, times, opened_at, last_seen_at, dataset)
    select key, kind, severity, what, next_step, link, times, opened_at, at, dataset from newest order by key
    on conflict (key) where resolved_at is null do update
    set times = i.times + excluded.times, what = excluded.what, next_step = excluded.next_step,
        link = excluded.link, severity = excluded.severity,
        notified_at = case when regexp_replace(i.what, '[0-9]+', '', 'g')
                            = regexp_replace(excluded.what, '[0-9]+', '', 'g') then i.notified_at end,
        last_seen_at = greatest(i.last_seen_at, excluded.last_seen_at)
    returning xmax = 0 as is_new
)
select (select count(*) from fresh) as sightings, count(*) filter (where is_new) as opened from counted

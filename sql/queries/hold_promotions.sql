-- Statement: let nobody else decide about these series until the transaction ends.
-- Values:    series (array), salt
-- In one order for everybody, so that two who want the same series never wait for each other.
select pg_advisory_xact_lock(hashtextextended(wanted.series, cast(:salt as bigint)))
from (select unnest(cast(:series as text[])) as series order by 1) wanted

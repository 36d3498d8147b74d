-- Statement: the champions of the staged series are no longer the current ones.
-- Values:    none (the passing table staged holds the series)
update champion c set is_current = false from staged s where c.series = s.series and c.is_current

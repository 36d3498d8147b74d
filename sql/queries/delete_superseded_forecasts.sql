-- Statement: delete what superseded_forecasts counts; their files become orphans.
-- Values:    before
delete from forecast
where not is_current and made_at < :before and first_day + horizon <= cast(:before as date)

-- Statement: a comparison runs, and this is what its candidates are measured by.
-- Values:    run_id, laid_out
update comparison set status = 'running', laid_out = cast(:laid_out as jsonb)
where run_id = :run_id and completed_at is null

-- Question: which of these series broke, and why?
-- Grain:    one row per broken series, by key.
-- Values:   series (array), at_most
select series, reason from evaluation
where series = any(:series) and outcome = 'broken'
order by series collate "C"
limit :at_most

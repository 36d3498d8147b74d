-- Question: how does each candidate do over all series of a dataset?
-- Grain:    one row per candidate, the one with most champions first.
-- Values:   dataset
select m.candidate,
       count(*) filter (where c.champion = m.candidate) as champions,
       count(m.rank) as ranked,
       count(*) filter (where m.status = 'failed') as failed,
       percentile_cont(0.5) within group (order by m.wape) as median_wape,
       cast(avg(m.rank) as double precision) as mean_rank
from backtest_metric m
left join champion c on c.series = m.series and c.is_current
where m.dataset = :dataset
group by m.candidate
order by champions desc, median_wape nulls last, m.candidate

-- Statement: forget the metrics of the staged series, before the new ones are written in the same transaction.
-- Values:    none (the passing table staged holds the series)
delete from backtest_metric m using staged s where m.series = s.series

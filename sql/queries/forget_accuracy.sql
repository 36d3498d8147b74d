-- Statement: forget how good the forecasts of a dataset were; they are scored anew.
-- Values:    dataset
delete from forecast_accuracy where dataset = :dataset

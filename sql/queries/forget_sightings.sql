-- Statement: forget what was seen long before anybody looks back.
-- Values:    before
delete from incident_sighting where seen_at < :before

-- A database plans before its tables have grown, and while they are empty all indexes look equally cheap. So each search
-- must have one index only that it can use: an index of waiting rows is searched by `closed_at IS NULL` or `finished_at
-- IS NULL`, and what looks for a row by its name says `status = 'pending'` or `state = 'pending'`, which the constraints
-- of the tables make the same.

DROP INDEX charges_pending;
CREATE INDEX charges_pending ON charges (account_id, expires_at) WHERE closed_at IS NULL;

DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE finished_at IS NULL;

DROP INDEX deliveries_lane;
CREATE INDEX deliveries_lane ON deliveries (lane, sequence);

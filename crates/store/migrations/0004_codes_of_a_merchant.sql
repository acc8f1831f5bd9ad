-- How many passwords a merchant's customers were sent lately is counted before another one is.
CREATE INDEX verifications_merchant ON verifications (merchant_id, environment, created_at);

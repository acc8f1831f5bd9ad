-- A cancel token follows from the charge's id and the master key: who reads the database cannot call a charge off.
ALTER TABLE charges DROP COLUMN cancel_token;

-- No statement looks for a charge's transfers.
DROP INDEX transfers_charge;

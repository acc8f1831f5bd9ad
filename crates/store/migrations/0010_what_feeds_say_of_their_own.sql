-- When a payment was booked, as this feed has it: a feed is compared with what it said itself, as two may date one payment
-- differently. Nothing where it does not say, and in rows from before.
ALTER TABLE transfer_reports ADD COLUMN booked_at {int};
ALTER TABLE transfer_reports ADD COLUMN booked_exactly {int} CHECK (booked_exactly IN (0, 1));

-- Whoever called a charge off may have paid it before, just as one whose time ran out.
DROP INDEX charges_expired;
CREATE INDEX charges_unpaid ON charges (account_id, (customer_amount_minor - received_minor), closed_at)
    WHERE status = 'expired' OR status = 'cancelled';

-- Whose nonce a text has is asked of all receiving accounts of a bank account at once.
DROP INDEX charges_nonce;
CREATE UNIQUE INDEX charges_nonce ON charges (nonce, account_id) WHERE nonce_held = 1;
-- Of two indexes that look alike on an empty table PostgreSQL takes the younger one, and keeps such a plan for a while.
DROP INDEX charges_cooling;
CREATE INDEX charges_cooling ON charges (environment, closed_at) WHERE nonce_held = 1 AND status <> 'pending';

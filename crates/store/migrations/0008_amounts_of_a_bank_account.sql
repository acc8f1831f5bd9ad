-- Several receiving accounts can be names of one bank account, whose statements tell their money apart by amount alone.

-- The bank account on which the claimed amount is unique; nothing where the claim is on the receiving account alone.
ALTER TABLE charges ADD COLUMN claim_book_id TEXT;
CREATE UNIQUE INDEX charges_claim_book ON charges (claim_book_id, claim_minor)
    WHERE status = 'pending' AND claim_book_id IS NOT NULL;

-- Which charges of an account ask an amount, whatever tells them apart: what is waited for is searched in the index that
-- has it anyway, so that a new charge costs no more.
DROP INDEX charges_pending;
CREATE INDEX charges_pending ON charges (account_id, expires_at, customer_amount_minor, received_minor)
    WHERE closed_at IS NULL;
DROP INDEX charges_expired_claim;
CREATE INDEX charges_expired ON charges (account_id, (customer_amount_minor - received_minor), closed_at)
    WHERE status = 'expired';

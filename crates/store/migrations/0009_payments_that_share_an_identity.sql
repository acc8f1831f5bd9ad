-- What makes a transfer the same one when it is told of again is kept per bank account and feed since step 2, in
-- transfer_reports, whose keys refuse a second row. The index of before looked across feeds: where one feed had told of the
-- second of two equal payments alone, the other feed's first one was taken for it, and the second could not be stored.
DROP INDEX transfers_identity;

-- A report without a nonce may tell of money that another feed has told of with one.
CREATE INDEX transfers_named ON transfers (book_id, amount_minor, feed, booked_at) WHERE subject <> '';

-- Where amounts tell payments apart, one that was just paid is not asked of the next customer while another feed may still
-- tell of that payment.
CREATE INDEX charges_paid_claim ON charges (account_id, claim_minor, closed_at)
    WHERE status = 'completed' AND claim_minor IS NOT NULL;

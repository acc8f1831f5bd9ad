-- Money without a nonce may be that of a charge which has expired meanwhile.
CREATE INDEX charges_expired_claim ON charges (account_id, claim_minor, closed_at)
    WHERE status = 'expired' AND claim_minor IS NOT NULL;

-- What the domain never does (crates/domain: charge.rs, session.rs) is refused whoever asks: a mistaken statement, a later
-- program, a hand in the database.
--
-- {refuse(TEXT)} ends a trigger by refusing the statement. An UPDATE is looked at only when it sets one of the columns named,
-- so that adding a row or locking it costs nothing, and after it: before it, PostgreSQL would lock every row once more.

{postgres} CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = ''integrity_constraint_violation'', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME; END';

CREATE TRIGGER charges_course AFTER UPDATE OF status, received_minor ON charges FOR EACH ROW
    WHEN (NEW.received_minor < OLD.received_minor OR (NEW.status <> OLD.status AND OLD.status <> 'pending'
        AND NOT (OLD.status = 'expired' AND NEW.status = 'completed')))
    {refuse('constraint charges_course: money is not taken back from a charge, and a closed one is not opened')};

-- What the customer was told, and whose it is.
CREATE TRIGGER charges_terms AFTER UPDATE OF merchant_id, environment, session_id, merchant_amount_minor, merchant_currency,
    customer_amount_minor, customer_currency, method, account_id, account, nonce, qr_code, expires_at ON charges FOR EACH ROW
    WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.environment <> OLD.environment
        OR NEW.session_id IS DISTINCT FROM OLD.session_id
        OR NEW.merchant_amount_minor <> OLD.merchant_amount_minor OR NEW.merchant_currency <> OLD.merchant_currency
        OR NEW.customer_amount_minor <> OLD.customer_amount_minor OR NEW.customer_currency <> OLD.customer_currency
        OR NEW.method <> OLD.method OR NEW.account_id <> OLD.account_id OR NEW.account <> OLD.account
        OR NEW.nonce <> OLD.nonce OR NEW.qr_code <> OLD.qr_code OR NEW.expires_at <> OLD.expires_at)
    {refuse('constraint charges_terms: what a charge asks, of whom and where, is fixed when it is made')};

CREATE TRIGGER charges_kept BEFORE DELETE ON charges FOR EACH ROW
    {refuse('constraint charges_kept: a charge is not deleted')};

CREATE TRIGGER sessions_course AFTER UPDATE OF status, charge_id ON sessions FOR EACH ROW
    WHEN (NEW.charge_id <> OLD.charge_id OR (NEW.status <> OLD.status AND OLD.status <> 'created'
        AND NOT (OLD.status = 'initiated' AND NEW.status <> 'created')))
    {refuse('constraint sessions_course: a session does not go back, and its charge is not exchanged')};

CREATE TRIGGER sessions_terms AFTER UPDATE OF merchant_id, environment, amount_minor, currency ON sessions FOR EACH ROW
    WHEN (NEW.merchant_id <> OLD.merchant_id OR NEW.environment <> OLD.environment
        OR NEW.amount_minor <> OLD.amount_minor OR NEW.currency <> OLD.currency)
    {refuse('constraint sessions_terms: what a session asks, and for whom, is fixed when it is made')};

CREATE TRIGGER transfers_money AFTER UPDATE OF environment, book_id, amount_minor, currency ON transfers FOR EACH ROW
    WHEN (NEW.environment <> OLD.environment OR NEW.book_id <> OLD.book_id
        OR NEW.amount_minor <> OLD.amount_minor OR NEW.currency <> OLD.currency)
    {refuse('constraint transfers_money: the money of a transfer is what it was when it came')};

CREATE TRIGGER transfers_kept BEFORE DELETE ON transfers FOR EACH ROW
    {refuse('constraint transfers_kept: a transfer is not deleted')};

CREATE TRIGGER transfer_reports_kept BEFORE DELETE ON transfer_reports FOR EACH ROW
    {refuse('constraint transfer_reports_kept: what was reported is not deleted')};

CREATE TRIGGER events_fixed AFTER UPDATE ON events FOR EACH ROW
    {refuse('constraint events_fixed: an event is not changed')};

CREATE TRIGGER events_kept BEFORE DELETE ON events FOR EACH ROW
    {refuse('constraint events_kept: an event is not deleted')};

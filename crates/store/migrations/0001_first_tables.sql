-- Portable DDL. {int} is INTEGER or BIGINT, {blob} is BLOB or BYTEA, {strict} makes SQLite check column types.
-- Instants are milliseconds UTC, amounts are minor units, flags are 0 or 1, ids are 24 hex characters.

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
){strict};

CREATE TABLE merchants (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL CHECK (name <> ''),
    currency TEXT NOT NULL,
    created_at {int} NOT NULL
){strict};

CREATE TABLE merchant_settings (
    merchant_id TEXT NOT NULL REFERENCES merchants (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    methods TEXT NOT NULL,
    permissions TEXT NOT NULL,
    phone_verification {int} NOT NULL CHECK (phone_verification IN (0, 1)),
    secure_mode {int} NOT NULL CHECK (secure_mode IN (0, 1)),
    markup_bp {int} NOT NULL CHECK (markup_bp BETWEEN 0 AND 10000),
    hash_key {blob} NOT NULL,
    signing_key {blob} NOT NULL,
    certificate TEXT NOT NULL,
    PRIMARY KEY (merchant_id, environment)
){strict};

CREATE TABLE api_keys (
    api_key TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT REFERENCES merchants (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    secret_hash {blob} NOT NULL,
    created_at {int} NOT NULL,
    revoked_at {int}
){strict};

CREATE TABLE receiving_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    method TEXT NOT NULL,
    account TEXT NOT NULL CHECK (account <> ''),
    account_name TEXT NOT NULL,
    bank TEXT NOT NULL,
    template_qr TEXT,
    template_as_issued {int} NOT NULL CHECK (template_as_issued IN (0, 1)),
    policy TEXT NOT NULL CHECK (policy IN ('nonce', 'unique-amount', 'virtual-account')),
    statement_account TEXT,
    merchant_id TEXT REFERENCES merchants (id),
    created_at {int} NOT NULL,
    disabled_at {int}
){strict};
CREATE UNIQUE INDEX receiving_accounts_account ON receiving_accounts (environment, method, account);

CREATE TABLE rates (
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    source TEXT NOT NULL,
    rate TEXT NOT NULL,
    as_of {int} NOT NULL,
    PRIMARY KEY (base, quote, source),
    CHECK (base <> quote)
){strict};

CREATE TABLE customers (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchants (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    identity TEXT NOT NULL,
    created_at {int} NOT NULL
){strict};
CREATE UNIQUE INDEX customers_identity ON customers (merchant_id, environment, identity);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchants (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    amount_minor {int} NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    orders TEXT,
    methods TEXT NOT NULL CHECK (methods <> ''),
    notify_url TEXT,
    notify_payload TEXT,
    redirect_url TEXT,
    prefill {int} NOT NULL CHECK (prefill IN (0, 1)),
    prefill_email TEXT,
    prefill_phone_code TEXT,
    prefill_phone TEXT,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('created', 'initiated', 'charged', 'cancelled', 'expired')),
    expires_at {int},
    charge_id TEXT,
    version {int} NOT NULL,
    CHECK ((status = 'charged') = (charge_id IS NOT NULL)),
    CHECK ((status IN ('created', 'initiated')) = (expires_at IS NOT NULL)),
    CHECK ((prefill_phone IS NULL) = (prefill_phone_code IS NULL)),
    CHECK (prefill = 1 OR (prefill_email IS NULL AND prefill_phone IS NULL))
){strict};

CREATE TABLE charges (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchants (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    session_id TEXT REFERENCES sessions (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    email TEXT,
    phone_code TEXT,
    phone TEXT,
    merchant_amount_minor {int} NOT NULL CHECK (merchant_amount_minor > 0),
    merchant_currency TEXT NOT NULL,
    customer_amount_minor {int} NOT NULL CHECK (customer_amount_minor > 0),
    customer_currency TEXT NOT NULL,
    rate TEXT,
    rate_source TEXT,
    rate_as_of {int},
    method TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES receiving_accounts (id),
    account TEXT NOT NULL,
    account_name TEXT NOT NULL,
    bank TEXT NOT NULL,
    nonce TEXT NOT NULL,
    qr_code TEXT NOT NULL,
    orders TEXT,
    notify_url TEXT,
    notify_payload TEXT,
    cancel_token TEXT NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    received_minor {int} NOT NULL CHECK (received_minor >= 0),
    status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'expired', 'cancelled')),
    closed_at {int},
    paid_late {int} NOT NULL CHECK (paid_late IN (0, 1)),
    nonce_held {int} NOT NULL CHECK (nonce_held IN (0, 1)),
    fingerprint {blob},
    claim_minor {int},
    version {int} NOT NULL,
    CHECK ((status = 'pending') = (closed_at IS NULL)),
    CHECK (status <> 'completed' OR received_minor >= customer_amount_minor),
    CHECK (status <> 'pending' OR received_minor < customer_amount_minor),
    CHECK (status = 'completed' OR paid_late = 0),
    CHECK ((phone IS NULL) = (phone_code IS NULL)),
    CHECK ((rate IS NULL) = (rate_source IS NULL) AND (rate IS NULL) = (rate_as_of IS NULL)),
    CHECK (status <> 'pending' OR nonce_held = 1)
){strict};
-- A nonce names one charge per account while money may still arrive and until the cool-down is over.
CREATE UNIQUE INDEX charges_nonce ON charges (account_id, nonce) WHERE nonce_held = 1;
CREATE UNIQUE INDEX charges_session ON charges (session_id) WHERE session_id IS NOT NULL;
-- An equal request finds the pending charge that it would repeat.
CREATE UNIQUE INDEX charges_fingerprint ON charges (fingerprint) WHERE status = 'pending' AND fingerprint IS NOT NULL;
-- Accounts without a dependable nonce: one pending charge per amount, or one pending charge at all (claim 0).
CREATE UNIQUE INDEX charges_claim ON charges (account_id, claim_minor) WHERE status = 'pending' AND claim_minor IS NOT NULL;
CREATE INDEX charges_pending ON charges (account_id, expires_at) WHERE status = 'pending';
CREATE INDEX charges_cooling ON charges (environment, closed_at) WHERE nonce_held = 1 AND status <> 'pending';

CREATE TABLE transfers (
    id TEXT NOT NULL PRIMARY KEY,
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    account_id TEXT NOT NULL REFERENCES receiving_accounts (id),
    identity TEXT NOT NULL,
    amount_minor {int} NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    booked_at {int} NOT NULL,
    booked_exactly {int} NOT NULL CHECK (booked_exactly IN (0, 1)),
    texts TEXT NOT NULL,
    bank_reference TEXT,
    end_to_end_id TEXT,
    payer_name TEXT,
    payer_account TEXT,
    reversal {int} NOT NULL CHECK (reversal IN (0, 1)),
    source TEXT NOT NULL,
    received_at {int} NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('matched', 'part', 'over', 'late', 'ambiguous', 'unmatched')),
    reason TEXT NOT NULL,
    charge_id TEXT REFERENCES charges (id),
    CHECK (outcome NOT IN ('matched', 'part', 'over') OR charge_id IS NOT NULL),
    CHECK (outcome NOT IN ('ambiguous', 'unmatched') OR charge_id IS NULL)
){strict};
CREATE UNIQUE INDEX transfers_identity ON transfers (account_id, identity);
CREATE INDEX transfers_page ON transfers (environment, id);
CREATE INDEX transfers_charge ON transfers (charge_id) WHERE charge_id IS NOT NULL;

CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchants (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    url TEXT NOT NULL,
    username TEXT,
    password {blob},
    secret {blob} NOT NULL,
    created_at {int} NOT NULL,
    disabled_at {int},
    CHECK ((username IS NULL) = (password IS NULL))
){strict};
CREATE INDEX webhooks_merchant ON webhooks (merchant_id, environment) WHERE disabled_at IS NULL;

CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchants (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    charge_id TEXT NOT NULL REFERENCES charges (id),
    sequence {int} NOT NULL,
    body TEXT NOT NULL,
    created_at {int} NOT NULL
){strict};
CREATE UNIQUE INDEX events_charge ON events (charge_id, sequence);

-- The outbox: one row per event and destination. Rows of one lane (charge and destination) leave in their sequence.
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    merchant_id TEXT NOT NULL,
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    webhook_id TEXT REFERENCES webhooks (id),
    url TEXT NOT NULL,
    lane TEXT NOT NULL,
    sequence {int} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts {int} NOT NULL CHECK (attempts >= 0),
    next_attempt_at {int} NOT NULL,
    created_at {int} NOT NULL,
    finished_at {int},
    CHECK ((state = 'pending') = (finished_at IS NULL))
){strict};
CREATE INDEX deliveries_event ON deliveries (event_id);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_lane ON deliveries (lane, sequence) WHERE state = 'pending';

CREATE TABLE delivery_attempts (
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    number {int} NOT NULL CHECK (number > 0),
    attempted_at {int} NOT NULL,
    status {int},
    error TEXT,
    excerpt TEXT NOT NULL,
    elapsed_ms {int} NOT NULL,
    PRIMARY KEY (delivery_id, number),
    CHECK ((status IS NULL) <> (error IS NULL))
){strict};

CREATE TABLE idempotency_keys (
    owner TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash {blob} NOT NULL,
    answer TEXT,
    created_at {int} NOT NULL,
    PRIMARY KEY (owner, idempotency_key)
){strict};
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE verifications (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchants (id),
    environment TEXT NOT NULL CHECK (environment IN ('sandbox', 'live')),
    phone TEXT NOT NULL,
    otp_hash {blob} NOT NULL,
    attempts {int} NOT NULL,
    created_at {int} NOT NULL,
    code_hash {blob},
    verified_at {int},
    charge_id TEXT,
    CHECK ((code_hash IS NULL) = (verified_at IS NULL))
){strict};
CREATE INDEX verifications_phone ON verifications (merchant_id, environment, phone, created_at);
CREATE UNIQUE INDEX verifications_code ON verifications (code_hash) WHERE code_hash IS NOT NULL;

CREATE TABLE sandbox_messages (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchants (id),
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at {int} NOT NULL
){strict};
CREATE INDEX sandbox_messages_merchant ON sandbox_messages (merchant_id, created_at);

-- One payment is told of by several feeds: a notice, the bank's notification, its statement, its CSV export.
-- See docs/decisions/0005-one-payment-many-reports.md.

-- The bank account: the oldest of the receiving accounts that share it.
ALTER TABLE transfers ADD COLUMN book_id TEXT NOT NULL DEFAULT '';
-- The feed that told of it first.
ALTER TABLE transfers ADD COLUMN feed TEXT NOT NULL DEFAULT 'reported';
-- The nonces that its texts mention, in alphabetical order.
ALTER TABLE transfers ADD COLUMN subject TEXT NOT NULL DEFAULT '';
UPDATE transfers SET book_id = account_id;
CREATE INDEX transfers_subject ON transfers (book_id, amount_minor, subject, feed, booked_at);
CREATE INDEX transfers_bank_reference ON transfers (book_id, bank_reference) WHERE bank_reference IS NOT NULL;
CREATE INDEX transfers_end_to_end_id ON transfers (book_id, end_to_end_id) WHERE end_to_end_id IS NOT NULL;

CREATE TABLE transfer_reports (
    book_id TEXT NOT NULL,
    feed TEXT NOT NULL,
    identity TEXT NOT NULL,
    transfer_id TEXT NOT NULL REFERENCES transfers (id),
    PRIMARY KEY (book_id, feed, identity)
){strict};
-- Linking is one to one: a feed tells of a transfer once.
CREATE UNIQUE INDEX transfer_reports_transfer ON transfer_reports (transfer_id, feed);

-- Until now a transfer was known by its identity whoever reported it.
INSERT INTO transfer_reports (book_id, feed, identity, transfer_id)
    SELECT transfers.account_id, feeds.name, transfers.identity, transfers.id FROM transfers CROSS JOIN
        (SELECT 'reported' AS name UNION ALL SELECT 'camt.052' UNION ALL SELECT 'camt.053' UNION ALL SELECT 'camt.054'
         UNION ALL SELECT 'dbs-classic' UNION ALL SELECT 'dbs-2026') AS feeds;

-- Held by transactions that judge transfers, so that those of two connections see each other's.
CREATE TABLE gates (
    name TEXT NOT NULL PRIMARY KEY
){strict};
INSERT INTO gates (name) VALUES ('transfers');

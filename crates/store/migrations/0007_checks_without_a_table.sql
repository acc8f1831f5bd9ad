-- A CHECK that compares by IN with three values or more makes SQLite build a table of them for every row that it checks:
-- a third of what adding a charge costs. SQLite cannot change a constraint; its documentation ("ALTER TABLE", "Making
-- Other Kinds Of Table Schema Changes") has the text of the table corrected where the rows stay as they are.
{sqlite} PRAGMA writable_schema = ON;
{sqlite} UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (status IN (''created'', ''initiated'', ''charged'', ''cancelled'', ''expired''))', 'CHECK (status = ''created'' OR status = ''initiated'' OR status = ''charged'' OR status = ''cancelled'' OR status = ''expired'')') WHERE name = 'sessions';
{sqlite} UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (status IN (''pending'', ''completed'', ''expired'', ''cancelled''))', 'CHECK (status = ''pending'' OR status = ''completed'' OR status = ''expired'' OR status = ''cancelled'')') WHERE name = 'charges';
{sqlite} UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (outcome IN (''matched'', ''part'', ''over'', ''late'', ''ambiguous'', ''unmatched''))', 'CHECK (outcome = ''matched'' OR outcome = ''part'' OR outcome = ''over'' OR outcome = ''late'' OR outcome = ''ambiguous'' OR outcome = ''unmatched'')') WHERE name = 'transfers';
{sqlite} UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (outcome NOT IN (''matched'', ''part'', ''over'') OR charge_id IS NOT NULL)', 'CHECK ((outcome <> ''matched'' AND outcome <> ''part'' AND outcome <> ''over'') OR charge_id IS NOT NULL)') WHERE name = 'transfers';
{sqlite} UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (state IN (''pending'', ''delivered'', ''given_up''))', 'CHECK (state = ''pending'' OR state = ''delivered'' OR state = ''given_up'')') WHERE name = 'deliveries';
{sqlite} UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (policy IN (''nonce'', ''unique-amount'', ''virtual-account''))', 'CHECK (policy = ''nonce'' OR policy = ''unique-amount'' OR policy = ''virtual-account'')') WHERE name = 'receiving_accounts';
-- Connections read the schema again when its version has changed.
{sqlite} CREATE TABLE passing (id INTEGER); DROP TABLE passing;
{sqlite} PRAGMA writable_schema = RESET;

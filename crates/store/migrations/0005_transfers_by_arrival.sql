-- Ids begin with whole seconds: transfers of one second came in any order.
DROP INDEX transfers_page;
CREATE INDEX transfers_page ON transfers (environment, received_at, id);

//! The controls of the check itself: a database that survived every kill is spoilt by hand, one promise at a time, and
//! each must be found.

use crate::kill::Rounds;
use crate::ledger::Kind;
use crate::report::Row;
use crate::story::{Plot, Story};

/// What is spoilt: its name, which story's, how (the words in braces are the story's), and how it must be found.
const SPOILS: [(&str, Plot, &str, Kind); 12] = [
    ("a session is gone", Plot::Session, "DELETE FROM sessions WHERE id = '{session}'", Kind::Lost),
    (
        "a left session is open",
        Plot::Left,
        "UPDATE sessions SET status = 'created', expires_at = created_at + 604800000 WHERE id = '{session}'",
        Kind::Lost,
    ),
    (
        "a used session is open",
        Plot::Checkout,
        "UPDATE sessions SET status = 'created', charge_id = NULL, expires_at = created_at + 604800000 \
        WHERE id = '{session}'",
        Kind::Lost,
    ),
    ("a charge is gone", Plot::Charge, "DELETE FROM charges WHERE id = '{charge}'", Kind::Lost),
    (
        "a cancelled charge is pending",
        Plot::Cancelled,
        "UPDATE charges SET status = 'pending', closed_at = NULL, nonce_held = 1 WHERE id = '{charge}'",
        Kind::Lost,
    ),
    (
        "a paid charge is pending",
        Plot::Paid,
        "UPDATE charges SET status = 'pending', closed_at = NULL, nonce_held = 1, received_minor = 0 \
        WHERE id = '{charge}'",
        Kind::Lost,
    ),
    (
        "an imported charge is pending",
        Plot::Imported,
        "UPDATE charges SET status = 'pending', closed_at = NULL, nonce_held = 1, received_minor = 0 \
        WHERE id = '{charge}'",
        Kind::Lost,
    ),
    ("a transfer is gone", Plot::Paid, "DELETE FROM transfers WHERE charge_id = '{charge}'", Kind::Books),
    (
        "a transfer is doubled",
        Plot::Imported,
        "INSERT INTO transfers (id, environment, account_id, identity, amount_minor, currency, booked_at, booked_exactly, \
        texts, reversal, source, received_at, outcome, reason, charge_id) SELECT 'ffffffffffffffffffffffff', environment, \
        account_id, 'twice', amount_minor, currency, booked_at, booked_exactly, texts, reversal, source, received_at, \
        outcome, reason, charge_id FROM transfers WHERE charge_id = '{charge}'",
        Kind::Books,
    ),
    ("an event is gone", Plot::Paid, "DELETE FROM events WHERE charge_id = '{charge}'", Kind::Books),
    (
        "an event is doubled",
        Plot::Cancelled,
        "INSERT INTO events (id, merchant_id, environment, charge_id, sequence, body, created_at) \
        SELECT 'ffffffffffffffffffffffff', merchant_id, environment, charge_id, sequence + 1000, body, created_at \
        FROM events WHERE charge_id = '{charge}'",
        Kind::Books,
    ),
    (
        "an idempotency key is gone",
        Plot::Charge,
        "DELETE FROM idempotency_keys WHERE idempotency_key = 'charge-{number}'",
        Kind::Otherwise,
    ),
];

/// Spoils the database and sees that everything is found.
pub async fn plant(rounds: &mut Rounds, row: &mut Row) -> Result<(), String> {
    let mut unspoilt = rounds.ledger.stories.clone();
    let mut take = |plot: Plot| -> Result<Story, String> {
        let index = unspoilt.iter().position(|story| story.plot == plot).ok_or("too few stories to spoil")?;
        Ok(unspoilt.swap_remove(index))
    };
    let mut planted = Vec::new();
    for (name, plot, statement, kind) in SPOILS {
        let story = take(plot)?;
        let statement = statement
            .replace("{session}", &story.session)
            .replace("{charge}", &story.charge)
            .replace("{number}", &story.number.to_string());
        rounds.gateway.tamper(&statement).await?;
        planted.push((name, story.number, kind));
    }
    let (forgotten, changed, pending) = (take(Plot::Paid)?, take(Plot::Paid)?, take(Plot::Charge)?);
    rounds.receiver.misremember(&forgotten.charge, &changed.charge);
    let mut running = rounds.gateway.start().await?;
    rounds.receiver.look_at(&running.address, &rounds.gateway.by);
    rounds.receiver.hear_of(&pending.charge).await?;
    running.kill().await?;
    planted.push(("a notice did not come", forgotten.number, Kind::Notice));
    planted.push(("a notice came with two bodies", changed.number, Kind::Notice));
    planted.push(("a notice came before its time", pending.number, Kind::Notice));
    let findings = rounds.look_at_everything().await?;
    for (name, story, kind) in planted {
        let is_found = findings.iter().any(|finding| finding.kind == kind && finding.story == Some(story));
        row.control(name, is_found);
    }
    Ok(())
}

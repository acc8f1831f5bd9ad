//! Incoming transfers as the API shows them.

use super::amount::Amount;
use super::json::to_text;
use super::time::iso;
use crate::flows::RecordedTransfer;
use serde::Serialize;
use xanpay_domain::transfer::Transfer;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordedView {
    transfer_id: String,
    outcome: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_id: Option<String>,
    duplicate: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransferView<'a> {
    id: String,
    account_id: String,
    amount: Amount,
    currency: &'static str,
    texts: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_to_end_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer_account: Option<&'a str>,
    reversal: bool,
    source: &'a str,
    booked_at: String,
    received_at: String,
    outcome: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_id: Option<String>,
}

/// The answer to a report.
#[must_use]
pub fn recorded_json(recorded: &RecordedTransfer) -> String {
    let transfer = &recorded.transfer;
    to_text(&RecordedView {
        transfer_id: transfer.id.to_text(),
        outcome: transfer.outcome.as_str(),
        reason: transfer.reason.as_str(),
        charge_id: transfer.charge_id.map(|id| id.to_text()),
        duplicate: recorded.duplicate,
    })
}

/// A page of transfers, newest first.
#[must_use]
pub fn page_json(transfers: &[Transfer]) -> String {
    #[derive(Serialize)]
    struct Page<'a> {
        data: Vec<TransferView<'a>>,
    }
    to_text(&Page { data: transfers.iter().map(view).collect() })
}

fn view(transfer: &Transfer) -> TransferView<'_> {
    let reported = &transfer.reported;
    TransferView {
        id: transfer.id.to_text(),
        account_id: transfer.account_id.to_text(),
        amount: Amount(reported.amount),
        currency: reported.amount.currency().code(),
        texts: &reported.texts,
        bank_reference: reported.bank_reference.as_deref(),
        end_to_end_id: reported.end_to_end_id.as_deref(),
        payer_name: reported.payer_name.as_deref(),
        payer_account: reported.payer_account.as_deref(),
        reversal: reported.reversal,
        source: &transfer.source,
        booked_at: iso(reported.booked.instant()),
        received_at: iso(transfer.received_at),
        outcome: transfer.outcome.as_str(),
        reason: transfer.reason.as_str(),
        charge_id: transfer.charge_id.map(|id| id.to_text()),
    }
}

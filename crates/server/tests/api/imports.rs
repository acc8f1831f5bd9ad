//! What a bank's file says about each of its entries, and what becomes of it.

use crate::support::{Caller, Gateway};
use serde_json::{Value, json};
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::{Outcome, Reason};
use xanpay_domain::method::Method;
use xanpay_domain::transfer::Transfer;
use xanpay_server::flows::{ImportOptions, ImportedFile, import_statement};
use xanpay_testkit::on_both_databases;

const ACCOUNT: &str = "+6585867834";

/// A camt.053 file of one statement about an account that `--account` says to be ours.
fn statement(entries: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><Stmt>\
         <Acct><Id><Othr><Id>123-45678-9</Id></Othr></Id></Acct>{entries}</Stmt></BkToCstmrStmt></Document>"
    )
}

/// A booked credit with these further elements.
fn credit(amount: &str, more: &str) -> String {
    format!(
        "<Ntry><Amt Ccy=\"SGD\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
         <BookgDt><Dt>2022-06-24</Dt></BookgDt>{more}</Ntry>\n"
    )
}

fn ustrd(text: &str) -> String {
    format!("<RmtInf><Ustrd>{text}</Ustrd></RmtInf>")
}

async fn import(gateway: &Gateway, file: &str) -> ImportedFile {
    let options = ImportOptions { account: Some(ACCOUNT.into()), ..ImportOptions::new(Environment::Sandbox) };
    import_statement(&gateway.app, "file", file.as_bytes(), &options).await.unwrap()
}

async fn charge(gateway: &Gateway, merchant: &Caller, note: &str) -> (Value, String) {
    let charge = gateway.charge(merchant, &json!({"notifyPayload": note})).await;
    let nonce = charge["destination"]["nonce"].as_str().unwrap().to_owned();
    (charge, nonce)
}

async fn status(gateway: &Gateway, merchant: &Caller, charge: &Value) -> Value {
    gateway.get_charge(merchant, charge["id"].as_str().unwrap()).await["status"].clone()
}

async fn stored(gateway: &Gateway) -> Vec<Transfer> {
    gateway.app.store.reader().list_transfers(Environment::Sandbox, None, 100).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_batch_that_cannot_be_split_pays_nobody_with_other_peoples_money() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let detail = |amount: &str, text: &str| format!("<TxDtls>{amount}{}</TxDtls>", ustrd(text));
        let sgd = |amount: &str| format!("<Amt Ccy=\"SGD\">{amount}</Amt>");
        type Parts<'a> = &'a dyn Fn(&str) -> String;
        let batches: [(&str, Parts<'_>); 5] = [
            ("a", &|nonce| detail("", nonce) + &detail("", "rent")),
            ("b", &|nonce| detail(&sgd("20"), nonce) + &detail(&sgd("14"), "rent")),
            ("c", &|nonce| detail(&sgd("20"), nonce)),
            ("d", &|nonce| format!("<Btch><NbOfTxs>2</NbOfTxs></Btch>{}", detail(&sgd("35"), nonce))),
            ("e", &|nonce| {
                detail(&sgd("42"), nonce) + &detail(&sgd("7"), "fee").replace("<Rmt", "<CdtDbtInd>DBIT</CdtDbtInd><Rmt")
            }),
        ];
        for (note, parts) in batches {
            let (waiting, nonce) = charge(&gateway, &merchant, note).await;
            let entry = credit("35.00", &format!("<NtryDtls>{}</NtryDtls>", parts(&nonce)));
            let report = import(&gateway, &statement(&entry)).await;
            assert_eq!((report.new, report.outcome(Outcome::Ambiguous)), (1, 1), "{note}");
            assert!(stored(&gateway).await.iter().all(|held| held.reason == Reason::BatchNotSplit), "{note}");
            assert_eq!(status(&gateway, &merchant, &waiting).await, "pending", "{note}");
        }
        let (waiting, nonce) = charge(&gateway, &merchant, "f").await;
        let parts = detail(&sgd("35"), &nonce) + &detail(&sgd("7"), "rent");
        let report = import(&gateway, &statement(&credit("42.00", &format!("<NtryDtls>{parts}</NtryDtls>")))).await;
        assert_eq!((report.new, report.outcome(Outcome::Matched)), (2, 1), "a batch that adds up is split");
        assert_eq!(status(&gateway, &merchant, &waiting).await, "completed");
    })
    .await;
}

#[tokio::test]
async fn an_outgoing_payment_that_comes_back_pays_no_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let (waiting, nonce) = charge(&gateway, &merchant, "a").await;
        let code = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>RRTN</SubFmlyCd></Fmly></Domn></BkTxCd>";
        let details = format!("<NtryDtls><TxDtls>{}</TxDtls></NtryDtls>", ustrd(&nonce));
        let camt = statement(&credit("35.00", &format!("{code}{details}")));
        let csv = format!(
            "Account Details For:,123-45678-9\n\
             Transaction Date,Reference,Debit Amount,Credit Amount,Transaction Ref1,Transaction Ref2,Transaction Ref3\n\
             23 Jun 2022,RTN,,35.00,PayNow Return,Returned transfer,{nonce}\n"
        );
        for file in [camt, csv] {
            let report = import(&gateway, &file).await;
            assert_eq!(report.outcome(Outcome::Unmatched) + report.duplicates, 1, "{file}");
        }
        assert!(stored(&gateway).await.iter().all(|held| held.reason == Reason::Reversal));
        assert_eq!(status(&gateway, &merchant, &waiting).await, "pending");
    })
    .await;
}

#[tokio::test]
async fn every_credit_of_a_file_is_a_payment_or_skipped_with_its_reason() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let (waiting, nonce) = charge(&gateway, &merchant, "a").await;
        let details = format!("<NtryDtls><TxDtls>{}</TxDtls></NtryDtls>", ustrd(&nonce));
        let with = |status: &str, amount: &str| credit(amount, &details).replace("<Sts><Cd>BOOK</Cd></Sts>", status);
        let pair = "<TxDtls><Amt Ccy=\"SGD\">1</Amt></TxDtls>".repeat(2);
        let file = statement(
            &[
                "\n".to_owned(),
                with("<Sts><Cd>PDNG</Cd></Sts>", "35.00"),
                with("<Sts><Cd>INFO</Cd></Sts>", "35.00"),
                with("<Sts><Prtry>OURS</Prtry></Sts>", "35.00"),
                credit("0.00", ""),
                credit("2.00", &format!("<NtryDtls>{pair}</NtryDtls>")),
                credit("8.00", "").replace("CRDT", "DBIT"),
                with("", "35.00"),
            ]
            .concat(),
        );
        let report = import(&gateway, &file).await;
        let skipped: Vec<_> =
            report.skipped.iter().map(|entry| (entry.line, entry.amount.minor(), entry.reason)).collect();
        assert_eq!(
            skipped,
            [
                (2, 3500, "it is pending"),
                (3, 3500, "it is not known to be booked"),
                (4, 3500, "it is not known to be booked"),
                (5, 0, "its amount is zero"),
            ]
        );
        assert_eq!((report.entries, report.credits, report.debits), (7, 6, 1));
        assert_eq!((report.payments, report.new, report.duplicates), (3, 3, 0));
        let money: i64 = stored(&gateway).await.iter().map(|transfer| transfer.reported.amount.minor()).sum();
        let left_out: i64 = report.skipped.iter().map(|entry| entry.amount.minor()).sum();
        assert_eq!((report.sums[0].credits, report.sums[0].debits), (money + left_out, 800));
        assert_eq!(status(&gateway, &merchant, &waiting).await, "completed", "a statement without a status is booked");
        let again = import(&gateway, &file).await;
        assert_eq!((again.payments, again.new, again.duplicates), (3, 0, 3));
    })
    .await;
}

#[tokio::test]
async fn a_batch_in_another_order_is_the_same_batch() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let mut charges = Vec::new();
        for note in ["a", "b"] {
            charges.push(charge(&gateway, &merchant, note).await);
        }
        let part =
            |amount: &str, text: &str| format!("<TxDtls><Amt Ccy=\"SGD\">{amount}</Amt>{}</TxDtls>", ustrd(text));
        // Two of one amount that name charges, true twins, and one more.
        let mut parts = vec![
            part("35", &charges[0].1),
            part("35", &charges[1].1),
            part("6", "kopi"),
            part("6", "kopi"),
            part("7", "rent"),
        ];
        let render = |parts: &[String], reference: &str| {
            let details = format!("<AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls>{}</NtryDtls>", parts.concat());
            statement(&credit("89.00", &details))
        };
        let first = import(&gateway, &render(&parts, "B2")).await;
        assert_eq!((first.new, first.duplicates, first.outcome(Outcome::Matched)), (5, 0, 2));
        for _ in 0..parts.len() {
            parts.rotate_left(1);
            let again = import(&gateway, &render(&parts, "B2")).await;
            assert_eq!((again.new, again.duplicates), (0, 5));
        }
        parts.reverse();
        let again = import(&gateway, &render(&parts, "B2")).await;
        assert_eq!((again.new, again.duplicates), (0, 5));
        assert_eq!(import(&gateway, &render(&parts, "B3")).await.new, 5, "another batch of the same payments");
    })
    .await;
}

#[tokio::test]
async fn the_nonce_is_found_in_every_field_that_a_bank_may_put_it_in() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let fields = [
            ["<Refs><InstrId>", "</InstrId></Refs>"],
            ["<Refs><TxId>PAY-", "</TxId></Refs>"],
            ["<Refs><PmtInfId>", "</PmtInfId></Refs>"],
            ["<Refs><Prtry><Tp>X</Tp><Ref>", "</Ref></Prtry></Refs>"],
            ["<Refs><AcctSvcrRef>", "</AcctSvcrRef></Refs>"],
            ["<Refs><EndToEndId>", "</EndToEndId></Refs>"],
            ["<RltdRmtInf><RmtId>", "</RmtId></RltdRmtInf>"],
            ["<Purp><Prtry>", "</Prtry></Purp>"],
            ["<RmtInf><Strd><RfrdDocInf><LineDtls><Desc>", "</Desc></LineDtls></RfrdDocInf></Strd></RmtInf>"],
        ];
        for (place, [before, after]) in fields.into_iter().enumerate() {
            let (waiting, nonce) = charge(&gateway, &merchant, &format!("{place}")).await;
            let details = format!("<NtryDtls><TxDtls>{before}{nonce}{after}</TxDtls></NtryDtls>");
            let report = import(&gateway, &statement(&credit("35.00", &details))).await;
            assert_eq!((report.new, report.outcome(Outcome::Matched)), (1, 1), "{before}");
            assert_eq!(status(&gateway, &merchant, &waiting).await, "completed", "{before}");
        }
        // An id of the bank in which the letters stand by chance, and one that says nothing.
        let (waiting, nonce) = charge(&gateway, &merchant, "chance").await;
        let refs = format!("<Refs><InstrId>20220624{nonce}</InstrId><TxId>OPAQUE-1</TxId></Refs>");
        let details = format!("<NtryDtls><TxDtls>{refs}{}</TxDtls></NtryDtls>", ustrd("rent"));
        let report = import(&gateway, &statement(&credit("35.00", &details))).await;
        assert_eq!((report.new, report.outcome(Outcome::Unmatched)), (1, 1));
        assert_eq!(status(&gateway, &merchant, &waiting).await, "pending");
        assert!(stored(&gateway).await.iter().any(|held| held.reported.texts == ["rent"]));
    })
    .await;
}

#[tokio::test]
async fn an_account_that_the_caller_names_overrides_none_that_the_file_names() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.account(Environment::Sandbox, Method::Paynow, "201403121W", "OTHER").await;
        let (waiting, nonce) = charge(&gateway, &merchant, "a").await;
        let details = format!("<NtryDtls><TxDtls>{}</TxDtls></NtryDtls>", ustrd(&nonce));
        let text = statement(&credit("35.00", &details));
        let (start, end) = (text.find("<Stmt>").unwrap(), text.find("</BkToCstmrStmt>").unwrap());
        let about = |names: &[&str]| {
            let each = names.iter().map(|name| match *name {
                "" => text[start..end].replace("<Acct><Id><Othr><Id>123-45678-9</Id></Othr></Id></Acct>", ""),
                name => text[start..end].replace("123-45678-9", name),
            });
            format!("{}{}{}", &text[..start], each.collect::<String>(), &text[end..])
        };
        let try_import = async |names: &[&str], account: Option<&str>| {
            let account = account.map(str::to_owned);
            let options = ImportOptions { account, ..ImportOptions::new(Environment::Sandbox) };
            import_statement(&gateway.app, "file", about(names).as_bytes(), &options).await
        };
        for (names, account, told) in [
            (vec![ACCOUNT, "999-88877-7"], Some(ACCOUNT), "+6585867834, 999-88877-7"),
            (vec!["123-45678-9", "999-88877-7"], Some(ACCOUNT), "123-45678-9, 999-88877-7"),
            (vec![ACCOUNT, "201403121W"], Some(ACCOUNT), "+6585867834, 201403121W"),
            (vec!["201403121W"], Some(ACCOUNT), "but the file is about 201403121W"),
            (vec!["", "201403121W"], Some(ACCOUNT), "but the file is about 201403121W"),
            (vec![ACCOUNT], Some("999-88877-7"), "999-88877-7 is no receiving account"),
            (vec![ACCOUNT, "999-88877-7"], None, "999-88877-7 is no receiving account"),
            (vec![ACCOUNT, ""], None, "does not name its account"),
        ] {
            let refusal = try_import(&names, account).await.unwrap_err().to_string();
            assert!(refusal.contains(told), "{names:?} {account:?}: {refusal}");
        }
        assert!(stored(&gateway).await.is_empty());
        assert_eq!(status(&gateway, &merchant, &waiting).await, "pending");
        for (names, account) in [
            (vec!["123-45678-9"], Some(ACCOUNT)),
            (vec!["123-45678-9", "", "123456789"], Some(ACCOUNT)),
            (vec![ACCOUNT, ""], Some(ACCOUNT)),
            (vec![ACCOUNT, "201403121W"], None),
        ] {
            let report = try_import(&names, account).await.unwrap();
            assert_eq!(report.new + report.duplicates, names.len(), "{names:?} {account:?}");
        }
        assert_eq!(status(&gateway, &merchant, &waiting).await, "completed");
    })
    .await;
}

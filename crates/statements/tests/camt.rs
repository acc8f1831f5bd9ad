//! camt.052, .053 and .054 by the schema, and what must be refused of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::Money;
use xanpay_statements::{Date, Direction, Entry, File, Format, FormatChoice, Options, Status, read};

/// A camt.053 document of one statement with these elements.
fn document(statement: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\n\
         <Stmt><Acct><Id><IBAN>NL26 VAYB 8060 4768 90</IBAN></Id></Acct>\n{statement}</Stmt>\n</BkToCstmrStmt></Document>\n"
    )
}

/// An entry of 35.00 SGD with these further elements.
fn ntry(more: &str) -> String {
    format!("<Ntry><Amt Ccy=\"SGD\">35.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>{more}</Ntry>\n")
}

fn read_text(text: &str) -> File {
    read(text.as_bytes(), &Options::default()).unwrap()
}

fn code(text: &str) -> &'static str {
    read(text.as_bytes(), &Options::default()).unwrap_err().code
}

fn only_entry(ntry: &str) -> Entry {
    let mut file = read_text(&document(ntry));
    assert_eq!(file.refused, [], "{ntry}");
    file.statements[0].entries.pop().unwrap()
}

/// The reason why the only entry is refused.
fn refusal(ntry: &str) -> String {
    let mut file = read_text(&document(ntry));
    assert_eq!(file.statements[0].entries, [], "{ntry}");
    assert_eq!(file.refused.len(), 1, "{ntry}");
    let refused = file.refused.pop().unwrap();
    assert_eq!(refused.line, 4);
    refused.reason
}

fn sgd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::SGD).unwrap()
}

const FULL: &str = "<BookgDt><DtTm>2026-03-07T10:15:00+08:00</DtTm></BookgDt><ValDt><Dt>2026-03-08</Dt></ValDt>\
    <AcctSvcrRef>BANK-1</AcctSvcrRef><NtryDtls><TxDtls><Refs><AcctSvcrRef>TX-1</AcctSvcrRef>\
    <EndToEndId>E2E &amp; 1</EndToEndId></Refs><RltdPties><Dbtr><Pty><Nm>CHUA &#x57;EN LI</Nm></Pty></Dbtr>\
    <DbtrAcct><Id><Othr><Id>123-4</Id></Othr></Id><Prxy><Id>+6591234567</Id></Prxy></DbtrAcct></RltdPties>\
    <RmtInf><Ustrd>zt<!-- a comment -->t1 </Ustrd><Ustrd>\n second\n piece</Ustrd>\
    <Strd><CdtrRefInf><Ref>RF18</Ref></CdtrRefInf></Strd></RmtInf><AddtlTxInf><![CDATA[a&b]]></AddtlTxInf></TxDtls></NtryDtls>\
    <AddtlNtryInf>INWARD</AddtlNtryInf>";

#[test]
fn an_entry_with_one_transaction_has_everything_of_it() {
    let entry = only_entry(&ntry(FULL));
    assert_eq!((entry.direction, entry.status, entry.reversal), (Direction::Credit, Status::Booked, false));
    assert_eq!((entry.amount, entry.line), (sgd(3500), 4));
    assert_eq!(entry.booked_on, Some(Date::constant(2026, 3, 7)));
    assert_eq!(entry.booked_at.unwrap().as_millis(), 1_772_849_700_000);
    assert_eq!(entry.value_date, Some(Date::constant(2026, 3, 8)));
    assert_eq!(entry.bank_reference.as_deref(), Some("BANK-1"));
    assert_eq!(entry.end_to_end_id.as_deref(), Some("E2E & 1"));
    assert_eq!(entry.texts, ["ztt1", "second piece", "RF18", "a&b", "INWARD"]);
    assert_eq!(entry.payer_name.as_deref(), Some("CHUA WEN LI"));
    assert_eq!(entry.payer_account.as_deref(), Some("123-4"));
    assert_eq!(entry.details, []);
    let payments = entry.payments();
    assert_eq!(payments.len(), 1);
    assert_eq!((payments[0].amount, payments[0].shares_reference), (sgd(3500), false));
    assert_eq!(payments[0].texts, entry.texts);
}

#[test]
fn prefixes_envelopes_and_missing_namespaces_change_nothing() {
    let plain = read_text(&document(&ntry(FULL)));
    assert_eq!(plain.statements[0].account.as_deref(), Some("NL26VAYB8060476890"));
    let body = document(&ntry(FULL)).replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "\n");
    let prefixed = body.replace("<!--", "\u{1}").replace("<![", "\u{2}").replace("</", "\u{3}");
    let prefixed =
        prefixed.replace('<', "<c:").replace('\u{3}', "</c:").replace('\u{1}', "<!--").replace('\u{2}', "<![");
    let prefixed = prefixed.replace("xmlns=", "xmlns:c=");
    assert_eq!(read_text(&prefixed), plain);
    // The header of CBPR+ samples says .08 where the namespace says .12.
    let wrapped = body.replace("001.08", "001.12");
    let header = "<AppHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:head.001.001.02\"><MsgDefIdr>camt.053.001.08</MsgDefIdr></AppHdr>";
    let wrapped = read_text(&format!("<Envelope xmlns=\"urn:x\">{header}{wrapped}</Envelope>"));
    assert_eq!(wrapped.statements, plain.statements);
    let bare = read_text(&body.replace(" xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"", ""));
    assert_eq!((bare.format, bare.statements), (Format::Camt053, plain.statements));
}

#[test]
fn the_three_messages_differ_only_in_their_containers() {
    let text = document(&ntry(FULL));
    let plain = read_text(&text);
    for (format, container, statement) in [
        (Format::Camt052, "BkToCstmrAcctRpt", "Rpt"),
        (Format::Camt054, "BkToCstmrDbtCdtNtfctn", "Ntfctn"),
        (Format::Camt052, "BkToCstmrAcctRptV01", "Rpt"),
    ] {
        let text = text.replace("BkToCstmrStmt", container);
        let text = text.replace("<Stmt>", &format!("<{statement}>")).replace("</Stmt>", &format!("</{statement}>"));
        let file = read_text(&text);
        assert_eq!((file.format, file.statements), (format, plain.statements.clone()));
    }
}

#[test]
fn version_01_has_transactions_directly_in_the_entry() {
    let entry = only_entry(
        "<Ntry><Amt Ccy=\"SGD\">35</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts><TxDtls><RltdPties><Dbtr><Nm>A</Nm></Dbtr>\
         <DbtrAcct><Id><PrtryAcct><Id>77</Id></PrtryAcct></Id></DbtrAcct></RltdPties><RmtInf><Strd><CdtrRefInf>\
         <CdtrRef>ztt1</CdtrRef></CdtrRefInf></Strd></RmtInf></TxDtls></Ntry>",
    );
    assert_eq!((entry.status, entry.texts), (Status::Pending, vec!["ztt1".to_owned()]));
    assert_eq!((entry.payer_name.as_deref(), entry.payer_account.as_deref()), (Some("A"), Some("77")));
}

#[test]
fn a_payer_may_stand_in_any_of_the_schemas_places() {
    for (party, name) in [
        ("<Dbtr><Nm>A</Nm></Dbtr>", "A"),
        ("<Dbtr><Agt><FinInstnId><Nm>B</Nm></FinInstnId></Agt></Dbtr>", "B"),
        ("<UltmtDbtr><Pty><Nm>C</Nm></Pty></UltmtDbtr>", "C"),
        ("<Dbtr><Pty><Nm>D</Nm></Pty></Dbtr><UltmtDbtr><Nm>C</Nm></UltmtDbtr><Cdtr><Nm>X</Nm></Cdtr>", "D"),
    ] {
        let details = format!("<NtryDtls><TxDtls><RltdPties>{party}</RltdPties></TxDtls></NtryDtls>");
        assert_eq!(only_entry(&ntry(&details)).payer_name.as_deref(), Some(name));
    }
}

#[test]
fn a_reference_may_stand_in_any_of_the_schemas_places() {
    let entry = only_entry(&ntry(
        "<NtryRef>N1</NtryRef><AcctSvcrRef>S1</AcctSvcrRef><NtryDtls><TxDtls><Refs><AcctSvcrRef>S2</AcctSvcrRef><PmtInfId>P1</PmtInfId>\
         <InstrId>I1</InstrId><TxId>I1</TxId><Prtry><Tp>x</Tp><Ref>R1</Ref></Prtry></Refs><RltdRmtInf><RmtId>M1</RmtId>\
         </RltdRmtInf><Purp><Prtry>NOTPROVIDED</Prtry></Purp><RmtInf><Strd><RfrdDocInf><LineDtls><Desc>line</Desc></LineDtls>\
         </RfrdDocInf></Strd></RmtInf></TxDtls></NtryDtls>",
    ));
    assert_eq!(entry.references, ["S2", "P1", "I1", "R1", "M1", "N1", "S1"], "each once, without placeholders");
    assert_eq!(entry.texts, ["line"]);
    assert_eq!(entry.payments()[0].references, entry.references);
}

#[test]
fn placeholder_references_are_none() {
    let entry = only_entry(&ntry(
        "<AcctSvcrRef>NOTPROVIDED</AcctSvcrRef><NtryDtls><TxDtls><Refs><AcctSvcrRef>TX-1</AcctSvcrRef>\
         <EndToEndId>NOT PROVIDED</EndToEndId></Refs></TxDtls></NtryDtls>",
    ));
    assert_eq!((entry.bank_reference.as_deref(), entry.end_to_end_id), (Some("TX-1"), None));
}

#[test]
fn a_status_that_is_not_book_is_not_booked() {
    for (status, in_statement, elsewhere) in [
        ("<Sts>BOOK</Sts>", Status::Booked, Status::Booked),
        ("<Sts><Cd>BOOK</Cd></Sts>", Status::Booked, Status::Booked),
        ("<Sts><Prtry>BOOK</Prtry></Sts>", Status::Booked, Status::Booked),
        ("<Sts><Cd>PDNG</Cd></Sts>", Status::Pending, Status::Pending),
        ("<Sts><Prtry>PDNG</Prtry></Sts>", Status::Pending, Status::Pending),
        ("<Sts><Cd>FUTR</Cd></Sts>", Status::Pending, Status::Pending),
        ("<Sts>INFO</Sts>", Status::Info, Status::Info),
        ("<Sts><Cd>ELSE</Cd></Sts>", Status::Info, Status::Info),
        ("<Sts><Prtry>OURS</Prtry></Sts>", Status::Info, Status::Info),
        ("", Status::Booked, Status::Info),
        ("<Sts/>", Status::Booked, Status::Info),
        ("<Sts><Cd> </Cd></Sts>", Status::Booked, Status::Info),
    ] {
        let entry = format!("<Ntry><Amt Ccy=\"SGD\">1</Amt><CdtDbtInd>DBIT</CdtDbtInd>{status}</Ntry>");
        assert_eq!(only_entry(&entry).status, in_statement, "{status}");
        for (container, name) in [("BkToCstmrAcctRpt", "Rpt"), ("BkToCstmrDbtCdtNtfctn", "Ntfctn")] {
            let text = document(&entry).replace("BkToCstmrStmt", container).replace("Stmt>", &format!("{name}>"));
            assert_eq!(read_text(&text).statements[0].entries[0].status, elsewhere, "{container} {status}");
        }
    }
}

/// Case F-019 of the list of bad inputs.
#[test]
fn a_reversal_keeps_its_direction_and_is_flagged() {
    for (flag, expected) in [("true", true), ("1", true), ("false", false), ("0", false)] {
        let entry = only_entry(&ntry(&format!("<RvslInd>{flag}</RvslInd>")));
        assert_eq!((entry.direction, entry.reversal), (Direction::Credit, expected));
        assert_eq!(entry.payments()[0].reversal, expected);
    }
    let returned = only_entry(&ntry("<NtryDtls><TxDtls><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls></NtryDtls>"));
    assert!(returned.reversal && returned.payments()[0].reversal);
    assert!(refusal(&ntry("<RvslInd>yes</RvslInd>")).contains("reversal"));
}

#[test]
fn the_banks_code_says_that_a_credit_comes_back() {
    let domain = |family: &str, sub_family: &str| {
        format!(
            "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        )
    };
    let own = |code: &str| format!("<BkTxCd><Prtry><Cd>{code}</Cd></Prtry></BkTxCd>");
    for (code, expected) in [
        (domain("RCDT", "RRTN"), true),
        (domain("ICDT", "RPCR"), true),
        (domain("ICDT", "ESCT"), true),
        (domain("IRCT", "DMCT"), true),
        (domain("RDDT", "UPDD"), true),
        (domain("RCDT", "ESCT"), false),
        (domain("RRCT", "DMCT"), false),
        (own("NRTI"), true),
        (own("NRTI+109+0000"), true),
        (own("NTRF+166+0000"), false),
        (own("544"), false),
    ] {
        let inside = format!("<NtryDtls><TxDtls>{code}</TxDtls></NtryDtls>");
        for more in [&code, &inside] {
            let entry = only_entry(&ntry(more));
            assert_eq!((entry.reversal, entry.payments()[0].reversal), (expected, expected), "{more}");
        }
    }
    let debit = ntry(&domain("ICDT", "ESCT")).replace("CRDT", "DBIT");
    assert!(!only_entry(&debit).reversal, "an outgoing payment goes out");
}

/// Cases F-015 and F-035 of the list of bad inputs.
#[test]
fn an_entry_that_cannot_be_read_is_refused_with_its_line() {
    let amount = |amount: &str| format!("<Ntry>{amount}<CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry>");
    for (text, reason) in [
        (amount("<Amt>35.00</Amt>"), "no currency"),
        (amount("<Amt Ccy=\"XXX\">35.00</Amt>"), "ISO 4217"),
        (amount("<Amt Ccy=\"SGD\">35.001</Amt>"), "decimals"),
        (amount("<Amt Ccy=\"JPY\">35.5</Amt>"), "decimals"),
        (amount("<Amt Ccy=\"SGD\">-35.00</Amt>"), "decimal digits"),
        (amount("<Amt Ccy=\"SGD\">35,00</Amt>"), "decimal digits"),
        (amount("<Amt Ccy=\"SGD\"/>"), "decimal digits"),
        (amount("<Amt Ccy=\"SGD\">1</Amt><Amt Ccy=\"SGD\">1</Amt>"), "more than one amount"),
        (amount(""), "no amount"),
        ("<Ntry/>".to_owned(), "no amount"),
        ("<Ntry><Amt Ccy=\"SGD\">1</Amt><Sts>BOOK</Sts></Ntry>".to_owned(), "no credit or debit"),
        ("<Ntry><Amt Ccy=\"SGD\">1</Amt><CdtDbtInd>CR</CdtDbtInd></Ntry>".to_owned(), "neither CRDT nor DBIT"),
        (ntry("<BookgDt><Dt>2026-02-30</Dt></BookgDt>"), "booking date"),
        (ntry("<BookgDt><Dt>0000-00-00</Dt></BookgDt>"), "booking date"),
        (ntry("<BookgDt><Dt>9999-12-31</Dt></BookgDt>"), "booking date"),
        (ntry("<BookgDt><DtTm>2026-03-07T10:15:00+26:00</DtTm></BookgDt>"), "booking date"),
        (ntry("<ValDt><Dt>07/03/2026</Dt></ValDt>"), "value date"),
        (format!("<Acct><Ccy>HKD</Ccy></Acct>{}", ntry("")), "the account in HKD"),
        (ntry(&ntry("")), "another entry"),
    ] {
        assert!(refusal(&text).contains(reason), "{text}: {}", refusal(&text));
    }
    let file = read_text(&document("<X>\n<Ntry><Amt Ccy=\"SGD\">1</Amt></Ntry></X>\n"));
    assert_eq!((file.refused[0].line, file.statements[0].entries.len()), (5, 0));
}

#[test]
fn trailing_zeros_are_no_decimals() {
    let entry = only_entry("<Ntry><Amt Ccy=\"JPY\"> 8850.00000 </Amt><CdtDbtInd>CRDT</CdtDbtInd></Ntry>");
    assert_eq!(entry.amount.minor(), 8850);
}

#[test]
fn one_refused_entry_does_not_take_the_others_with_it() {
    let text = format!("{}<Ntry>\n</Ntry>\n{}", ntry(""), ntry(""));
    let file = read_text(&document(&text));
    assert_eq!(file.statements[0].entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [4, 7]);
    assert_eq!(file.refused.iter().map(|refused| refused.line).collect::<Vec<_>>(), [5]);
}

/// A batch of three transactions with these amounts, each with a reference.
fn batch(amounts: [&str; 3], more: &str) -> Entry {
    let details: String = amounts
        .iter()
        .zip(1..)
        .map(|(amount, n)| {
            format!(
                "<TxDtls><Refs><AcctSvcrRef>T{n}</AcctSvcrRef><EndToEndId>E{n}</EndToEndId></Refs>{amount}\
                 <RmtInf><Ustrd>ref{n}</Ustrd></RmtInf>{more}</TxDtls>"
            )
        })
        .collect();
    only_entry(&ntry(&format!(
        "<AcctSvcrRef>B</AcctSvcrRef><NtryDtls>{details}</NtryDtls><AddtlNtryInf>GIRO</AddtlNtryInf>"
    )))
}

#[test]
fn the_payments_of_a_batch_are_its_transactions_when_they_make_up_the_entry() {
    let sgd_amounts = ["<Amt Ccy=\"SGD\">10</Amt>", "<Amt Ccy=\"SGD\">20</Amt>", "<Amt Ccy=\"SGD\">5</Amt>"];
    let nested = sgd_amounts.map(|amount| format!("<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>"));
    for entry in [batch(sgd_amounts, ""), batch(nested.each_ref().map(String::as_str), "")] {
        let payments = entry.payments();
        assert_eq!(payments.iter().map(|p| p.amount).collect::<Vec<_>>(), [sgd(1000), sgd(2000), sgd(500)]);
        assert_eq!(payments[1].texts, ["ref2"]);
        assert_eq!(payments[1].references, ["T2"]);
        assert_eq!(payments[1].end_to_end_id.as_deref(), Some("E2"));
        assert_eq!((payments[1].bank_reference.as_deref(), payments[1].shares_reference), (Some("T2"), false));
        assert_eq!(entry.texts, ["ref1", "ref2", "ref3", "GIRO"]);
    }
}

#[test]
fn transactions_without_a_bank_reference_of_their_own_share_that_of_the_entry() {
    let mut entry = batch(["<Amt Ccy=\"SGD\">10</Amt>", "<Amt Ccy=\"SGD\">20</Amt>", "<Amt Ccy=\"SGD\">5</Amt>"], "");
    entry.details[0].bank_reference = Some("B".to_owned());
    entry.details[1].bank_reference = Some("T3".to_owned());
    let payments = entry.payments();
    assert_eq!(payments.len(), 3);
    for payment in payments {
        assert_eq!((payment.bank_reference.as_deref(), payment.shares_reference), (Some("B"), true));
    }
}

/// Case F-020 of the list of bad inputs, and the real causes: charges taken off, foreign amounts, amounts left out.
#[test]
fn a_batch_that_does_not_sum_to_its_entry_is_one_payment() {
    let amounts = |third: &'static str| ["<Amt Ccy=\"SGD\">10</Amt>", "<Amt Ccy=\"SGD\">20</Amt>", third];
    let other_way = "<CdtDbtInd>DBIT</CdtDbtInd>";
    for entry in [
        batch(amounts("<Amt Ccy=\"SGD\">5.01</Amt>"), ""),
        batch(amounts("<Amt Ccy=\"HKD\">5</Amt>"), ""),
        batch(amounts(""), ""),
        batch(amounts("<Amt Ccy=\"SGD\">5</Amt>"), other_way),
    ] {
        let payments = entry.payments();
        assert_eq!(payments.len(), 1);
        assert_eq!((payments[0].amount, payments[0].bank_reference.as_deref()), (sgd(3500), Some("B")));
        assert_eq!(payments[0].texts, ["ref1", "ref2", "ref3", "GIRO"]);
        assert!(payments[0].undivided);
    }
}

#[test]
fn an_entry_that_its_transactions_do_not_make_up_is_undivided() {
    let details = |details: &str| ntry(&format!("<NtryDtls>{details}</NtryDtls>"));
    let count = |n: u32, rest: &str| details(&format!("<Btch><NbOfTxs>{n}</NbOfTxs></Btch>{rest}"));
    let one = |inside: &str| details(&format!("<TxDtls>{inside}</TxDtls>"));
    let charged = "<Amt Ccy=\"SGD\">36.50</Amt><Chrgs><Rcrd><Amt Ccy=\"SGD\">1.50</Amt></Rcrd></Chrgs>";
    let total = |charges: &str| format!("<TtlChrgsAndTaxAmt Ccy=\"SGD\">{charges}</TtlChrgsAndTaxAmt>");
    let in_total = |charges: &str| format!("<Amt Ccy=\"SGD\">36.50</Amt><Chrgs>{}</Chrgs>", total(charges));
    let whole = "<Amt Ccy=\"SGD\">35</Amt>";
    for (text, undivided) in [
        (ntry(""), false),
        (one(""), false),
        (one(whole), false),
        (one("<Amt Ccy=\"SGD\">20</Amt>"), true),
        (one("<AmtDtls><TxAmt><Amt Ccy=\"SGD\">40</Amt></TxAmt></AmtDtls>"), true),
        (one("<AmtDtls><InstdAmt><Amt Ccy=\"SGD\">40</Amt></InstdAmt></AmtDtls>"), false),
        (one("<Amt Ccy=\"USD\">26</Amt><AmtDtls><InstdAmt><Amt Ccy=\"USD\">26</Amt></InstdAmt></AmtDtls>"), false),
        (one(charged), false),
        (one(&charged.replace("1.50", "1.49")), true),
        (
            ntry("<Chrgs><Amt Ccy=\"SGD\">1.50</Amt></Chrgs>")
                .replace("</Ntry>", "<NtryDtls><TxDtls><Amt Ccy=\"SGD\">36.50</Amt></TxDtls></NtryDtls></Ntry>"),
            false,
        ),
        (one(&in_total("1.50")), false),
        (one(&in_total("1.49")), true),
        // A total is that of the records beside it, and not added to them.
        (one(&charged.replace("<Rcrd>", &format!("{}<Rcrd>", total("1.50")))), false),
        (one(&charged.replace("1.50", "0.75").replace("<Rcrd>", &format!("{}<Rcrd>", total("0.75")))), true),
        (
            ntry(&format!("<Chrgs>{}</Chrgs>", total("1.50")))
                .replace("</Ntry>", "<NtryDtls><TxDtls><Amt Ccy=\"SGD\">36.50</Amt></TxDtls></NtryDtls></Ntry>"),
            false,
        ),
        (one("<CdtDbtInd>DBIT</CdtDbtInd>"), true),
        (count(1, &format!("<TxDtls>{whole}</TxDtls>")), false),
        (count(2, &format!("<TxDtls>{whole}</TxDtls>")), true),
        (count(2, ""), true),
        (count(1, ""), false),
        (count(2, &"<TxDtls><Amt Ccy=\"SGD\">17.50</Amt></TxDtls>".repeat(2)), false),
        (count(3, &"<TxDtls><Amt Ccy=\"SGD\">17.50</Amt></TxDtls>".repeat(2)), true),
        (ntry("<Btch><NbOfTxs>2</NbOfTxs></Btch>"), true),
    ] {
        let payments = only_entry(&text).payments();
        assert!(payments.iter().all(|payment| payment.undivided == undivided), "{text}");
        assert_eq!(payments.iter().map(|payment| payment.amount.minor()).sum::<i64>(), 3500, "{text}");
    }
}

/// Case F-004 of the list of bad inputs.
#[test]
fn a_document_type_definition_is_never_read() {
    let body = document("");
    let (declaration, rest) = body.split_once('\n').unwrap();
    for doctype in [
        "<!DOCTYPE Document>",
        "<!DOCTYPE x [<!ENTITY a \"aaaa\">]>",
        "<!DOCTYPE x SYSTEM \"http://localhost/x.dtd\">",
        "<!DOCTYPE x [<!ENTITY",
    ] {
        assert_eq!(code(&format!("{declaration}{doctype}{rest}")), "xml_dtd_forbidden", "{doctype}");
    }
    assert_eq!(code(&document(&ntry("<AddtlNtryInf>&a;</AddtlNtryInf>"))), "format_malformed");
}

/// Case F-005 of the list of bad inputs; RUSTSEC-2026-0194.
#[test]
fn too_many_attributes_and_too_deep_nesting_are_refused() {
    let attributes: String = (0..80_000).map(|n| format!(" a{n}=\"x\"")).collect();
    assert_eq!(code(&document(&ntry(&format!("<X{attributes}/>")))), "xml_limit");
    assert_eq!(code(&document(&format!("{}{}", "<X>".repeat(100), "</X>".repeat(100)))), "xml_limit");
    assert_eq!(read_text(&document(&format!("{}{}", "<X>".repeat(90), "</X>".repeat(90)))).refused, []);
}

#[test]
fn more_entries_than_half_a_million_are_refused_as_a_whole() {
    assert_eq!(code(&document(&"<Ntry/>".repeat(500_001))), "payload_too_large");
    assert_eq!(code(&document(&ntry(&"<TxDtls/>".repeat(500_000)))), "payload_too_large");
}

#[test]
fn broken_documents_are_refused_as_a_whole() {
    let whole = document(&ntry(""));
    for text in [
        whole.replace("</Stmt>", "</Rpt>"),
        whole.replace("<Stmt>", "<Stmt a=1>"),
        whole.replace("<Stmt>", "<Stmt a='1' a='2'>"),
        whole.trim_end().trim_end_matches("</Document>").to_owned(),
        format!("{whole}{}", document("").split_once('\n').unwrap().1),
        format!("{whole}more"),
        document("&#0;"),
    ] {
        assert_eq!(code(&text), "format_malformed", "{text}");
    }
    assert_eq!(read_text(&format!("{whole}\n\u{1a}\0\0")), read_text(&whole));
}

/// Case F-009 of the list of bad inputs.
#[test]
fn instructions_schema_locations_and_inclusions_are_walked_over() {
    let text =
        document(&ntry("<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"/>"));
    let text = text.replace("?>\n", "?>\n<?xml-stylesheet href=\"http://localhost/x.xsl\"?>");
    let text = text.replace("<Document ", "<Document xsi:schemaLocation=\"urn:x http://localhost/x.xsd\" ");
    assert_eq!(read_text(&text).statements, read_text(&document(&ntry(""))).statements);
}

#[test]
fn other_files_are_named_as_unknown() {
    for text in [
        "",
        "hello",
        "<a/>",
        "<Document><CstmrCdtTrfInitn/></Document>",
        ":20:X\n:25:Y\n",
        "{\"a\":1}",
        "<html><p></p></html>",
    ] {
        assert_eq!(code(text), "format_unknown", "{text:?}");
        let options = Options { format: FormatChoice::Camt, ..Options::default() };
        assert_eq!(read(text.as_bytes(), &options).unwrap_err().code, "format_unknown", "{text:?}");
    }
    let small = Options { max_bytes: 3, ..Options::default() };
    assert_eq!(read(b"<a/>", &small).unwrap_err().code, "payload_too_large");
}

#[test]
fn a_message_that_is_the_text_of_an_element_is_refused_with_what_to_do() {
    let message = document(&ntry(""));
    let around =
        |inside: &str| format!("<Document><Statements><Statement>{inside}</Statement></Statements></Document>");
    let escaped = message.replace('&', "&amp;").replace('<', "&lt;");
    let beside = message.replace("</Document>", &format!("<X><![CDATA[{message}]]></X></Document>"));
    for text in [around(&format!("<![CDATA[{message}]]>")), around(&escaped), beside] {
        let error = read(text.as_bytes(), &Options::default()).unwrap_err();
        assert_eq!(error.code, "format_unknown");
        assert!(error.message.contains("take it out"), "{}", error.message);
    }
}

#[test]
fn a_message_without_a_statement_is_a_file_without_statements() {
    let file = read_text("<Document><BkToCstmrStmt><GrpHdr><MsgId>1</MsgId></GrpHdr></BkToCstmrStmt></Document>");
    assert_eq!((file.format, file.statements.len(), file.refused.len()), (Format::Camt053, 0, 0));
}

#[test]
fn white_space_between_elements_changes_nothing() {
    let text = document(&ntry(FULL));
    let spaced = text.replace("><", ">\r\n\t<");
    let strip = |mut file: File| {
        file.statements.iter_mut().flat_map(|s| &mut s.entries).for_each(|entry| entry.line = 0);
        file
    };
    assert_eq!(strip(read_text(&spaced)), strip(read_text(&text)));
}

proptest! {
    /// Truncation, and one byte changed anywhere: an error, or entries and refused lines; never a panic, and never more
    /// entries than the document has.
    #[test]
    fn damaged_documents_never_panic(cut in 0_usize..2000, at in 0_usize..2000, byte in any::<u8>()) {
        let mut bytes = document(&format!("{}{}", ntry(FULL), ntry(FULL))).into_bytes();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(cut.max(1));
        if let Ok(file) = read(&bytes, &Options::default()) {
            let entries = file.statements.iter().map(|statement| statement.entries.len()).sum::<usize>();
            prop_assert!(entries + file.refused.len() <= 2);
        }
    }

    #[test]
    fn no_tags_in_any_order_panic(
        tags in prop::collection::vec(
            prop::sample::select(vec![
                "<BkToCstmrStmt>", "</BkToCstmrStmt>", "<Stmt>", "</Stmt>", "<Ntry>", "</Ntry>", "<NtryDtls>", "</NtryDtls>",
                "<TxDtls>", "</TxDtls>", "<Amt Ccy='SGD'>1</Amt>", "<CdtDbtInd>CRDT</CdtDbtInd>", "<Stmt/>", "<Ntry/>",
                "<a:b xmlns:a='x'/>", "<!-- -->", "text", "&lt;", "&x;", "<", ">", "\u{e9}", "<![CDATA[x]]>", "<?pi?>",
            ]),
            0..40,
        ),
    ) {
        let _ = read(tags.concat().as_bytes(), &Options { format: FormatChoice::Camt, ..Options::default() });
    }

    /// Every `Ntry` is an entry or a refused line.
    #[test]
    fn entries_and_refused_lines_add_up(kinds in prop::collection::vec(0_usize..5, 0..30)) {
        let kind = [
            ntry(""),
            ntry("<BookgDt><Dt>2026-02-30</Dt></BookgDt>"),
            "<Ntry/>".to_owned(),
            ntry(FULL),
            "<Ntry><Amt>1</Amt></Ntry>".to_owned(),
        ];
        let file = read_text(&document(&kinds.iter().map(|n| kind[*n].as_str()).collect::<String>()));
        let good = kinds.iter().filter(|n| [0, 3].contains(*n)).count();
        prop_assert_eq!(file.statements[0].entries.len(), good);
        prop_assert_eq!(file.refused.len(), kinds.len() - good);
    }
}

//! The CSV profiles. The wordings of rows are those that DBS and POSB write; amounts and names are made up.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::Money;
use xanpay_statements::{Date, Direction, File, Format, FormatChoice, Options, Status, profiles, read};

const CLASSIC: &str = "Account Details For:,POSB Savings Account 123-45678-9\r\n\
    Statement as at:,08 Mar 2026\r\n\
    Available Balance:,\"1,234.56\"\r\n\
    Ledger Balance:,\"1,234.56\"\r\n\
    \r\n\
    Transaction Date,Reference,Debit Amount,Credit Amount,Transaction Ref1,Transaction Ref2,Transaction Ref3\r\n\
    \r\n";

const NEW: &str = "Account Details For:,DBS Multiplier Account 072-901234-5\n\
    Statement as at:,19 Feb 2026\n\
    Currency:,SGD - Singapore Dollar\n\
    Available Balance:,SGD 1000.00\n\
    Ledger Balance:,SGD 900.00\n\
    Transaction Date,Value Date,Statement Code,Description,Supplementary Code,Supplementary Code Description,\
    Client Reference,Additional Reference,Status,Currency,Debit Amount,Credit Amount\n";

/// Rows above the table have as many columns as it has, and the last row of the file has no line end.
const MIDDLE: &str = "Account Details For:,DBS Multiplier Account 072-901234-5,,,,,,,\n\
    Statement as at:,08 Mar 2026,,,,,,,\n\
    ,,,,,,,,\n\
    Available Balance:,1234.5,,,,,,,\n\
    Ledger Balance:,1234.5,,,,,,,\n\
    ,,,,,,,,\n\
    Transaction Date,Transaction Code,Description,Transaction Ref1,Transaction Ref2,Transaction Ref3,Status,Debit Amount,\
    Credit Amount\n";

fn read_text(text: &str) -> File {
    read(text.as_bytes(), &Options::default()).unwrap()
}

fn code(text: &str, options: &Options<'_>) -> &'static str {
    read(text.as_bytes(), options).unwrap_err().code
}

/// The reason why the only row is refused.
fn refusal(header: &str, row: &str) -> String {
    let mut file = read_text(&format!("{header}{row}\n"));
    assert_eq!((file.statements[0].entries.len(), file.refused.len()), (0, 1), "{row}");
    file.refused.pop().unwrap().reason
}

fn sgd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::SGD).unwrap()
}

#[test]
fn a_classic_export_is_read_row_by_row() {
    let text = format!(
        "\u{feff}{CLASSIC}07 Mar 2026,ICT, ,35.00,Incoming PayNow Ref 5425794,From: CHUA WEN LI,OTHR ztt1,\r\n\
         07 Mar 2026,POS,\"1,234.50\", ,NETS QR,\"SHOP, EAST\",\r\n\
         \r\n\
         6 Mar 2026,ITR,,\"12,345.00\",A,,B,unquoted, comma\r\n\
         Total,,,,,,\r\n,,,,\r\n"
    );
    let file = read_text(&text);
    assert_eq!((file.format, file.profile), (Format::Csv, Some("dbs-classic")));
    let statement = &file.statements[0];
    assert_eq!((statement.account.as_deref(), statement.currency), (Some("123-45678-9"), Some(Currency::SGD)));
    let [first, second, third] = statement.entries.as_slice() else { panic!("{statement:?}") };
    assert_eq!((first.line, first.direction, first.amount), (8, Direction::Credit, sgd(3500)));
    assert_eq!((first.status, first.booked_on), (Status::Booked, Some(Date::constant(2026, 3, 7))));
    assert_eq!(first.texts, ["Incoming PayNow Ref 5425794", "From: CHUA WEN LI", "OTHR ztt1"]);
    assert_eq!(first.payer_name.as_deref(), Some("CHUA WEN LI"));
    assert_eq!(first.bank_reference, None);
    assert_eq!((second.line, second.direction, second.amount), (9, Direction::Debit, sgd(123_450)));
    assert_eq!(second.texts, ["NETS QR", "SHOP, EAST"]);
    assert_eq!((third.line, third.amount), (11, sgd(1_234_500)));
    assert_eq!(third.texts, ["A", "B", "unquoted", "comma"]);
    assert_eq!(file.refused.iter().map(|refused| refused.line).collect::<Vec<_>>(), [12]);
}

#[test]
fn only_settled_rows_of_the_2026_export_are_booked() {
    let row = |status: &str| {
        format!(
            "31-Jul-26,01 Aug 2026,ADV,ICT Incoming PayNow Ref 5877687 From: A B OTHR ztt1,ICT Incoming PayNow Ref 5877687,\
             Advice,From: A B,OTHR ztt1,{status},SGD,,419\n"
        )
    };
    let text = format!("{NEW}{}{}{}{}", row("Settled"), row("Pending"), row("Rejected"), row(""));
    let file = read_text(&text);
    assert_eq!((file.profile, file.refused.len()), (Some("dbs-2026"), 0));
    let entries = &file.statements[0].entries;
    let status: Vec<Status> = entries.iter().map(|entry| entry.status).collect();
    assert_eq!(status, [Status::Booked, Status::Pending, Status::Info, Status::Info]);
    assert_eq!((entries[0].amount, entries[0].direction), (sgd(41_900), Direction::Credit));
    assert_eq!(entries[0].booked_on, Some(Date::constant(2026, 7, 31)));
    assert_eq!(entries[0].value_date, Some(Date::constant(2026, 8, 1)));
    assert_eq!(entries[0].payer_name.as_deref(), Some("A B"));
    assert_eq!(entries[0].texts.last().map(String::as_str), Some("OTHR ztt1"));
    assert_eq!(file.statements[0].account.as_deref(), Some("072-901234-5"));
}

#[test]
fn an_export_of_early_2026_is_read_without_its_description_which_repeats_the_references() {
    let row = |ending: &str| {
        format!(
            "21 Feb 2026,ICT,Incoming PayNow Ref 6123456 From: ALICE WONG OTHR PayNow trans,Incoming PayNow Ref 6123456,\
             From: ALICE WONG,OTHR PayNow transfer,{ending}"
        )
    };
    let file = read_text(&format!("{MIDDLE}{}\n{}\n{}", row("Settled,,12.5"), row("Pending,,8"), row("Settled,3,")));
    assert_eq!((file.profile, file.refused.len()), (Some("dbs-2026-ref"), 0));
    let [first, second, third] = file.statements[0].entries.as_slice() else { panic!("{file:?}") };
    assert_eq!((first.amount, first.direction, first.status), (sgd(1250), Direction::Credit, Status::Booked));
    assert_eq!(first.booked_on, Some(Date::constant(2026, 2, 21)));
    assert_eq!(first.texts, ["Incoming PayNow Ref 6123456", "From: ALICE WONG", "OTHR PayNow transfer"]);
    assert_eq!(first.payer_name.as_deref(), Some("ALICE WONG"));
    assert_eq!(second.status, Status::Pending);
    assert_eq!((third.amount, third.direction), (sgd(300), Direction::Debit));
    assert_eq!(file.statements[0].account.as_deref(), Some("072-901234-5"));
    let returned = row("Settled,,200").replace(",ICT,", ",RTN,");
    assert!(read_text(&format!("{MIDDLE}{returned}\n")).statements[0].entries[0].reversal);
}

#[test]
fn the_currency_is_the_columns_then_the_preambles_then_the_callers_then_the_profiles() {
    let row = "31-Jul-26,,ADV,,,,,,Settled,HKD,,4\n31-Jul-26,,ADV,,,,,,Settled,,,4\n";
    let with_preamble = NEW.replace("SGD - Singapore Dollar", "USD - US Dollar");
    let without = NEW.replace("Currency:,SGD - Singapore Dollar\n", "");
    let options = Options { currency: Some(Currency::MYR), ..Options::default() };
    let currencies = |header: &str, options: &Options<'_>| {
        let file = read(format!("{header}{row}").as_bytes(), options).unwrap();
        file.statements[0].entries.iter().map(|entry| entry.amount.currency()).collect::<Vec<_>>()
    };
    assert_eq!(currencies(&with_preamble, &options), [Currency::HKD, Currency::USD]);
    assert_eq!(currencies(&without, &options), [Currency::HKD, Currency::MYR]);
    assert_eq!(currencies(&without, &Options::default()), [Currency::HKD, Currency::SGD]);
    let foreign = CLASSIC.replace("POSB Savings", "DBS Multi-Currency");
    assert_eq!(code(&foreign, &Options::default()), "csv_mapping");
    assert_eq!(read(foreign.as_bytes(), &options).unwrap().statements[0].currency, Some(Currency::MYR));
}

#[test]
fn a_row_that_cannot_be_read_is_refused_with_its_reason() {
    for (row, reason) in [
        ("07 Mar 2026,ICT,,,A", "no amount"),
        ("07 Mar 2026,ICT,1,2,A", "a debit and a credit"),
        ("07 Mar 2026,ICT,,-2,A", "decimal digits"),
        ("07 Mar 2026,ICT,,S$2,A", "decimal digits"),
        ("07 Mar 2026,ICT,,2.005,A", "decimals"),
        ("07 Mar 2026,ICT,,\"1,23\",A", "thousands"),
        ("07 Mar 2026,ICT,,\",123\",A", "thousands"),
        ("07 Mar 2026,ICT,,\"1234,567\",A", "thousands"),
        ("31 Feb 2026,ICT,,2,A", "the date"),
        (",ICT,,2,A", "the date"),
        ("Balance carried forward,,,,", "the date"),
    ] {
        assert!(refusal(CLASSIC, row).contains(reason), "{row}: {}", refusal(CLASSIC, row));
    }
    assert!(refusal(NEW, "31-Jul-26,,ADV,a, b,,,,,Settled,SGD,,4").contains("13 columns"));
    assert!(refusal(NEW, "31-Jul-26,,ADV,,,,,,Settled,sgd,,4").contains("currency"));
    assert!(refusal(NEW, "31-Jul-26,soon,ADV,,,,,,Settled,SGD,,4").contains("value date"));
}

#[test]
fn months_are_english_names_whole_or_cut_to_three_letters() {
    for (text, month) in
        [("07 Sep 2026", 9), ("7 sept 2026", 9), ("07-September-26", 9), ("7 MAY 2026", 5), ("07 July 2026", 7)]
    {
        let file = read_text(&format!("{CLASSIC}{text},ICT,,2,A\n"));
        assert_eq!(file.statements[0].entries[0].booked_on, Some(Date::constant(2026, month, 7)), "{text}");
    }
    for text in ["07 Ja 2026", "07 Janu 2026", "07 Mär 2026", "07 Mai 2026", "07  2026"] {
        assert!(refusal(CLASSIC, &format!("{text},ICT,,2,A")).contains("the date"), "{text}");
    }
}

/// What a cut leaves of an amount is a smaller amount: the row must not be booked.
#[test]
fn the_last_row_of_a_file_that_was_cut_is_refused_unless_it_is_whole() {
    let rows = "07 Mar 2026,ICT,,35.00,Incoming PayNow Ref 1,From: A,OTHR ztt1\r\n\
        07 Mar 2026,ICT,,\"1,234.56\",Incoming PayNow Ref 2,\"From: B, C\",OTHR ztt1\r\n";
    let new_rows = "07-Mar-26,07 Mar 2026,ADV,A,B,C,D,OTHR ztt1,Settled,SGD,,35.00\n\
        07-Mar-26,07 Mar 2026,ADV,\"A \"\"x\"\"\",B,C,D,OTHR ztt1,Settled,SGD,,\"1,234.56\"\n";
    for text in [format!("{CLASSIC}{rows}"), format!("{NEW}{new_rows}")] {
        let whole = read_text(&text).statements.remove(0).entries;
        assert_eq!(whole.len(), 2);
        let table = text.find("\n07").unwrap() + 1;
        for end in table..text.len() {
            let Ok(file) = read(&text.as_bytes()[..end], &Options::default()) else { continue };
            for entry in &file.statements[0].entries {
                let original = &whole[usize::from(entry.line > whole[0].line)];
                assert_eq!((entry.amount, entry.booked_on), (original.amount, original.booked_on), "cut at {end}");
            }
            let begun = text[table..end].lines().filter(|line| !line.is_empty()).count();
            assert_eq!(file.statements[0].entries.len() + file.refused.len(), begun, "cut at {end}");
        }
        assert_eq!(read_text(text.trim_end()).statements[0].entries, whole, "a whole last row needs no line end");
    }
    let short = "07-Mar-26,,ADV,,,,,,Settled,SGD,,4\n07-Mar-26,,ADV,,,,,,Settled,SGD,,419";
    assert_eq!(read_text(&format!("{NEW}{short}")).statements[0].entries.len(), 2, "this export leaves decimals out");
}

#[test]
fn a_dash_is_no_amount_and_two_zeros_are_none() {
    let file = read_text(&format!("{CLASSIC}07 Mar 2026,ICT,-,2,A\n07 Mar 2026,ICT,3,\u{2013},A\n"));
    let sides: Vec<_> = file.statements[0].entries.iter().map(|entry| (entry.direction, entry.amount)).collect();
    assert_eq!(sides, [(Direction::Credit, sgd(200)), (Direction::Debit, sgd(300))]);
    assert!(refusal(CLASSIC, "07 Mar 2026,ICT,0.00,0.00,A").contains("no amount but zero"));
}

#[test]
fn zero_on_the_other_side_is_no_amount() {
    let file = read_text(&format!("{CLASSIC}07 Mar 2026,ICT,0.00,2,A\n07 Mar 2026,ICT,3,0.00,A\n"));
    let sides: Vec<_> = file.statements[0].entries.iter().map(|entry| (entry.direction, entry.amount)).collect();
    assert_eq!(sides, [(Direction::Credit, sgd(200)), (Direction::Debit, sgd(300))]);
}

/// Case M-011 of the list of bad inputs.
#[test]
fn dates_in_numbers_are_never_guessed() {
    for date in ["03/04/2026", "3.4.26", "13/04/2026", "03-04-2026"] {
        let text = format!("{CLASSIC}07 Mar 2026,ICT,,2,A\n{date},ICT,,2,A\n");
        assert_eq!(code(&text, &Options::default()), "csv_mapping", "{date}");
    }
    let iso = read_text(&format!("{CLASSIC}2026-03-07,ICT,,2,A\n"));
    assert_eq!(iso.statements[0].entries[0].booked_on, Some(Date::constant(2026, 3, 7)));
}

#[test]
fn a_quotation_mark_that_is_not_closed_takes_no_row_away() {
    let text = format!("{CLASSIC}07 Mar 2026,ICT,,1,\"A\n07 Mar 2026,ICT,,2,B\n\n07 Mar 2026,ICT,,3,C\n");
    let file = read_text(&text);
    assert_eq!(file.statements[0].entries, []);
    assert_eq!(file.refused.iter().map(|refused| refused.line).collect::<Vec<_>>(), [8, 9, 11]);
    let closed = read_text(&format!("{CLASSIC}07 Mar 2026,ICT,,1,\"A\n07 Mar 2026,ICT,,2,B\"\n07 Mar 2026,ICT,,3,C\n"));
    assert_eq!(closed.refused.iter().map(|refused| refused.line).collect::<Vec<_>>(), [8, 9]);
    assert_eq!(closed.statements[0].entries[0].line, 10);
    let memo = read_text(&format!("{CLASSIC}07 Mar 2026,ICT,,1,\"two\r\nlines, \"\"quoted\"\"\",B\r\n"));
    assert_eq!(memo.statements[0].entries[0].texts, ["two lines, \"quoted\"", "B"]);
}

#[test]
fn a_file_that_does_not_fit_its_profile_is_refused_as_a_whole() {
    let named = |profile| Options { profile: Some(profile), ..Options::default() };
    let csv = Options { format: FormatChoice::Csv, ..Options::default() };
    assert_eq!(code(CLASSIC, &named("dbs-2026")), "csv_mapping");
    assert_eq!(code(CLASSIC, &named("nobody")), "csv_mapping");
    assert_eq!(code("Date,Amount\n2026-03-07,1\n", &csv), "csv_mapping");
    assert_eq!(code("Date,Amount\n2026-03-07,1\n", &Options::default()), "format_unknown");
    assert_eq!(code(&CLASSIC.replace("Credit Amount,", "Credit Amount,Balance,"), &csv), "csv_mapping");
    assert_eq!(code(&format!("{CLASSIC}{CLASSIC}"), &csv), "csv_mapping");
    assert_eq!(read(CLASSIC.as_bytes(), &named("dbs-classic")).unwrap().statements[0].entries, []);
    let short = CLASSIC.replace("Transaction Ref1,Transaction Ref2,Transaction Ref3", "Ref1,,,");
    assert_eq!(read(short.as_bytes(), &csv).unwrap().profile, Some("dbs-classic"));
}

/// Case M-012 of the list of bad inputs.
#[test]
fn too_many_columns_or_bytes_are_refused_as_a_whole() {
    let wide = format!("{CLASSIC}{}\n", ",".repeat(1_000_000));
    assert_eq!(code(&wide, &Options::default()), "payload_too_large");
    assert_eq!(code(CLASSIC, &Options { max_bytes: 100, ..Options::default() }), "payload_too_large");
}

#[test]
fn utf16_and_invalid_bytes_are_told_apart() {
    let text = format!("{CLASSIC}07 Mar 2026,ICT,,2,café\n");
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(read(&utf16, &Options::default()).unwrap(), read_text(&text));
    let latin: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    assert_eq!(read(&latin, &Options::default()).unwrap_err().code, "encoding_invalid");
}

#[test]
fn profiles_are_listed_with_what_they_are() {
    let names: Vec<&str> = profiles().iter().map(|info| info.name).collect();
    assert_eq!(names, ["dbs-classic", "dbs-2026-ref", "dbs-2026"]);
}

proptest! {
    #[test]
    fn no_text_behind_a_header_panics(tail in "[\\PC\"\r\n, ]{0,200}", new in any::<bool>()) {
        let _ = read(format!("{}{tail}", if new { NEW } else { CLASSIC }).as_bytes(), &Options::default());
        let _ = read(tail.as_bytes(), &Options { format: FormatChoice::Csv, ..Options::default() });
    }

    #[test]
    fn no_truncation_panics(cut in 0_usize..600) {
        let text = format!("{NEW}31-Jul-26,,ADV,\"a, b\",,,,é,Settled,SGD,,4\n31-Jul-26,,ADV,,,,,,Settled,SGD,\"1,000\",\n");
        let bytes = text.as_bytes();
        let _ = read(&bytes[..cut.min(bytes.len())], &Options::default());
    }

    /// Every row with text is an entry or a refused line.
    #[test]
    fn entries_and_refused_lines_add_up(kinds in prop::collection::vec(0_usize..5, 0..30)) {
        let kind = ["07 Mar 2026,ICT,,2,A\r\n", "\r\n", "Total,,,\n", "07 Mar 2026,ICT,,,A\n", " , ,\n"];
        let file = read_text(&format!("{CLASSIC}{}", kinds.iter().map(|n| kind[*n]).collect::<String>()));
        prop_assert_eq!(file.statements[0].entries.len(), kinds.iter().filter(|n| **n == 0).count());
        prop_assert_eq!(file.refused.len(), kinds.iter().filter(|n| [2, 3].contains(*n)).count());
    }
}

#[test]
fn the_banks_code_says_that_a_row_undoes_another() {
    for (code, expected) in [("RTN", true), ("adve", true), ("CAN", true), ("ICT", false), ("ITR", false), ("", false)]
    {
        let classic = format!("{CLASSIC}07 Mar 2026,{code},,35.00,PayNow Return,Returned transfer,ztt1\r\n");
        let new = format!("{NEW}07-Mar-26,07-Mar-26,{code},RTN,,,ztt1,x,Settled,SGD,,35.00\n");
        for text in [classic, new] {
            let entry = &read_text(&text).statements[0].entries[0];
            assert_eq!((entry.reversal, entry.payments()[0].reversal), (expected, expected), "{text}");
        }
    }
}

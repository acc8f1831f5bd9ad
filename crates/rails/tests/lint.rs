//! What the lint finds, one fault at a time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use xanpay_domain::method::Method;
use xanpay_rails::{LintReport, Recognised, lint};

/// Appends the right checksum to a code that ends before its tag 63.
fn sealed(code: &str) -> String {
    let code = format!("{code}6304");
    let mut crc: u16 = 0xFFFF;
    for byte in code.bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    format!("{code}{crc:04X}")
}

fn errors(report: &LintReport) -> Vec<(&str, &str)> {
    report.errors.iter().map(|error| (error.tag.as_str(), error.code)).collect()
}

fn warns(report: &LintReport, tag: &str, code: &str) -> bool {
    report.warnings.iter().any(|warning| warning.tag == tag && warning.code == code)
}

const HEAD: &str = "000201010211";
const PAYEE: &str = "26370009SG.PAYNOW010120210201403121W03010";
const TAIL: &str = "5204000053037025802SG5902NA6009Singapore";

#[test]
fn a_right_code_has_no_errors() {
    let report = lint(&sealed(&format!("{HEAD}{PAYEE}{TAIL}")));
    assert_eq!(errors(&report), []);
    assert_eq!(report.rail, Some(Recognised::Rail(Method::Paynow)));
}

#[test]
fn each_fault_is_named_by_tag_and_code() {
    let code = |head: &str, payee: &str, tail: &str| sealed(&format!("{head}{payee}{tail}"));
    for (payload, tag, fault) in [
        (String::new(), "", "empty"),
        ("hello".to_owned(), "", "not_a_code"),
        (code(HEAD, PAYEE, TAIL) + "X", "63", "trailing_bytes"),
        (code(HEAD, PAYEE, TAIL) + "\n", "63", "trailing_bytes"),
        (code(HEAD, PAYEE, TAIL) + "5802SG", "63", "not_last"),
        (code(HEAD, PAYEE, TAIL).replace("Singapore", "Singapura"), "63", "crc_wrong"),
        (format!("{HEAD}{PAYEE}{TAIL}6304ZZZZ"), "63", "crc_form"),
        (format!("{HEAD}{PAYEE}{TAIL}"), "63", "missing"),
        (format!("{HEAD}{PAYEE}{TAIL}6304AB"), "63", "overrun"),
        (code("010211000201", PAYEE, TAIL), "00", "not_first"),
        (code("000203010211", PAYEE, TAIL), "00", "version"),
        (code("000201010213", PAYEE, TAIL), "01", "initiation"),
        (code("0002010102110102 1", PAYEE, TAIL), "01", "duplicate"),
        (code(HEAD, "", TAIL), "", "no_payee"),
        (code(HEAD, PAYEE, "5303702 5802SG"), "", "not_a_tag"),
        (code(HEAD, PAYEE, "53037025802SG5900"), "59", "empty"),
        (code(HEAD, PAYEE, "53037025802SG5926AAAAAAAAAAAAAAAAAAAAAAAAAA"), "59", "too_long"),
        (code(HEAD, PAYEE, "53037025802SG5905Café!"), "59", "alphabet"),
        (code(HEAD, PAYEE, "53037025802SG6016AAAAAAAAAAAAAAAA"), "60", "too_long"),
        (code(HEAD, PAYEE, "5303702"), "58", "missing"),
        (code(HEAD, PAYEE, "5802SG"), "53", "missing"),
        (code(HEAD, PAYEE, "53033445802SG"), "53", "currency_of_rail"),
        (code(HEAD, PAYEE, "53037025802MY"), "58", "country_of_rail"),
        (code(HEAD, PAYEE, "53037025802sg"), "58", "form"),
        (code(HEAD, PAYEE, "520300053037025802SG"), "52", "form"),
        (code(HEAD, PAYEE, "5303702540105802SG"), "54", "zero"),
        (code(HEAD, PAYEE, "530370254040.005802SG"), "54", "zero"),
        (code(HEAD, PAYEE, "530370254041,005802SG"), "54", "form"),
        (code(HEAD, PAYEE, "530370254051.2.35802SG"), "54", "form"),
        (code(HEAD, PAYEE, "5303702541412345678901.235802SG"), "54", "too_long"),
        (code(HEAD, PAYEE, "530370254041.005502045802SG"), "55", "form"),
        (code(HEAD, PAYEE, "530370254041.005502025802SG"), "56", "missing"),
        (code(HEAD, PAYEE, "53037025802SG6230 0126AAAAAAAAAAAAAAAAAAAAAAAAAA"), "62", "template_broken"),
        (code(HEAD, PAYEE, "53037025802SG62300126AAAAAAAAAAAAAAAAAAAAAAAAAA"), "62.01", "too_long"),
        (code(HEAD, "26180009SG.PAYNOW01012", TAIL), "26", "template_broken"),
        (code(HEAD, "26180009SG.PAYNOW01019", TAIL), "26.01", "form"),
        (code(HEAD, "26180009SG.PAYNOW01012", "53037025802SG"), "26.02", "missing"),
        (code(HEAD, "26280009SG.PAYNOW0101002036500301", TAIL), "26", "template_broken"),
        (code(HEAD, "26370009SG.PAYNOW010120210201403121W03015", TAIL), "26.03", "form"),
        (code(HEAD, "26490009SG.PAYNOW010120210201403121W03010040820250230", TAIL), "26.04", "form"),
        (code(HEAD, "26050101A", TAIL), "26.00", "missing"),
    ] {
        let report = lint(&payload);
        let found = errors(&report);
        // A fault may bring others with it; the named one must be among them.
        let hit = found.contains(&(tag, fault))
            || (fault == "template_broken"
                && found.iter().any(|(at, code)| at.starts_with(tag) && (*code == fault || *code == "missing")));
        assert!(hit && !report.valid, "{payload}: {tag} {fault} not in {found:?}");
    }
}

#[test]
fn what_is_allowed_but_troubles_banks_is_warned_about() {
    let code = |payee: &str, tail: &str| lint(&sealed(&format!("{HEAD}{payee}{tail}")));
    let editable = PAYEE.replace("03010", "03011");
    assert!(warns(&code(&editable, "530370254041.005802SG"), "26.03", "amount_editable"));
    assert!(warns(&code(PAYEE, TAIL), "26.03", "amount_locked"));
    assert!(warns(&code(PAYEE, "530370254041.005802SG"), "01", "static_with_amount"));
    assert!(warns(&code(PAYEE, "5802SG5303702"), "", "order"));
    assert!(warns(&code(PAYEE, "53037025802SG"), "59", "missing"));
    assert!(warns(&code(PAYEE, "530370254051.0005802SG"), "54", "decimals"));
    let mobile = "26380009SG.PAYNOW010100211+658586783403010";
    assert!(warns(&code(mobile, "530370254041.005802SG62080104ztt1"), "62.01", "reference_may_be_dropped"));
    assert!(warns(&code("26370009SG.PAYNOW010120210201912345X03011", TAIL), "26.02", "uen_checksum"));
    let lower = sealed(&format!("{HEAD}{PAYEE}{TAIL}"));
    let (body, crc) = lower.split_at(lower.len() - 4);
    let report = lint(&format!("{body}{}", crc.to_lowercase()));
    assert!(report.valid && (warns(&report, "63", "crc_lower_case") || crc.bytes().all(|byte| byte.is_ascii_digit())));
}

#[test]
fn vnpay_codes_are_not_taken_for_vietqr() {
    let report = lint(&sealed(
        "00020101021126280010A0000007750110010600012352045812530370454041000 5802VN".replace(' ', "").as_str(),
    ));
    assert_eq!(report.rail, Some(Recognised::Emvco), "{:?}", report.errors);
}

#[test]
fn lengths_are_counted_in_characters_and_the_checksum_in_bytes() {
    let report = lint(&sealed(&format!("{HEAD}{PAYEE}{TAIL}64140002ZH0104最佳运输")));
    assert_eq!(errors(&report), []);
    assert_eq!(report.value("64.01"), Some("最佳运输"));
}

#[test]
fn every_tag_of_a_rail_is_named_in_words() {
    let report = lint(
        "00020101021126380009SG.PAYNOW010100211+658586783403010520400005303702540535.005802SG5902NA6009Singapore62080104ztt16304CE6D",
    );
    let payee = report.fields.iter().find(|field| field.tag == "26").unwrap();
    let names: Vec<&str> = payee.children.iter().map(|child| child.name).collect();
    assert_eq!(names, ["payment system", "kind of payee", "payee", "amount may be changed"]);
    let meaning = |tag: &str| payee.children.iter().find(|child| child.tag == tag).unwrap().meaning.clone();
    assert_eq!(meaning("01").as_deref(), Some("mobile number"));
    assert_eq!(meaning("03").as_deref(), Some("no"));
    assert_eq!(report.fields.iter().find(|field| field.tag == "53").unwrap().meaning.as_deref(), Some("SGD"));
    assert_eq!(report.value("62.01"), Some("ztt1"));
}

#[test]
fn codes_that_banks_and_wallets_show_are_valid() {
    for (code, rail) in [
        // A bank's PayNow code whose expiry is a time with a short year.
        (
            "00020101021226560009SG.PAYNOW010120213201509555BNN1030100412230921212331520400005303702540476.05802SG5914DEV MERCHANT 56009SINGAPORE62160112087Z-00014706304CCC7",
            "paynow",
        ),
        // Hong Kong: a card scheme beside FPS, an expiry, another wallet's data in tag 80.
        (
            "0002010102121531479803444798034459803449399006326450012hk.com.hkicl0209166069526051229123123595952049399530334454042.005802HK5902NA6002HK6293011900-12348A10798425380218001-20200726084100032263ee92126d3fb9ff7bed98041802150821101001445D80560013com.swiftpass0212181570002009041900-12348A10798425386304F335",
            "fps",
        ),
        // Vietnam: a wallet's own template before VietQR, no name and no city.
        (
            "00020101021226520010vn.zalopay0203001010627000503173307089089161731338580010A000000727012800069704540114998002401295460208QRIBFTTA5204739953037045405690005802VN62210817330708908916173136304409F",
            "viettel-pay",
        ),
        // Malaysia: version 02.
        (
            "00020201021126520014A000000615000101068900530220MDN163112377136573055204539953034585802MY5925PERTUBUHANPENGANUTAGAMABU6008ULUTIRAM630494FE",
            "duit-now",
        ),
        // Philippines: what the acquirer adds in tag 88, and a purpose that the payer is asked for.
        (
            "00020101021228780011ph.ppmi.p2m0111TRXPPHM2XXX03171016202300004685604161001173251356404050300052046016530360854041.005802PH5907OLYMPUS6010PASIG CITY623505062110000014D00KF0QIXBSQHH0803***88490012ph.ppmi.qrph0129006395677194150211BCPIPHSSXXX63048A2D",
            "instapay",
        ),
        // Thailand: a bill payment with terminal; Indonesia: an amount with decimals and a tip.
        (
            "00020101021230870016A00000067701011201150123555008063010220YNN2R94SY0740THN19U30320OWABT16PVH71R20OTTCT53037645402105802TH62070703SCB6304AE39",
            "prompt-pay",
        ),
        (
            "00020101021226680016ID.CO.TELKOM.WWW011893600898025599662702150001952559966270303UMI51440014ID.CO.QRIS.WWW0215ID10200211817450303UMI520457325303360540825578.005502015802ID5916InterActive Corp6013KOTA SURABAYA61056013662130509413255111630439B7",
            "gojek-id",
        ),
        // A code of no rail here: Pix. Links whose parameters are empty or absent.
        (
            "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D",
            "emvco",
        ),
        ("upi://pay?pa=shop@upi&pn=Shop&am=&cu=&tn=Thank%20You", "in-bank-transfer"),
        ("supertoss://send?bank=%ED%86%A0%EC%8A%A4%EB%B1%85%ED%81%AC&accountNo=100012345678&origin=qr", "toss"),
    ] {
        let report = lint(code);
        assert_eq!(errors(&report), [], "{code}");
        assert_eq!(report.rail.unwrap().as_str(), rail, "{code}");
    }
}

#[test]
fn links_are_read_as_strictly_as_codes() {
    for (link, tag, fault) in [
        ("upi://pay", "pa", "missing"),
        ("upi://pay?pn=x", "pa", "missing"),
        ("upi://pay?pa=shop&cu=INR", "pa", "form"),
        ("upi://pay?pa=shop@ybl&am=0", "am", "zero"),
        ("upi://pay?pa=shop@ybl&am=1e3", "am", "form"),
        ("upi://pay?pa=shop@ybl&am=1.005", "am", "form"),
        ("upi://pay?pa=shop@ybl&cu=USD", "cu", "currency_of_rail"),
        ("upi://pay?pa=shop@ybl&pa=other@ybl", "pa", "duplicate"),
        ("upi://pay?pa=shop@ybl&pn=A&B", "", "parameter"),
        ("upi://pay?pa=shop@ybl&pn=%E0", "pn", "encoding"),
        ("upi://pay?pa=shop@ybl&pn=%zz", "pn", "encoding"),
        ("upi://pay?pa=shop@ybl&pn=a b", "", "not_encoded"),
        ("upi://mandate?pa=shop@ybl", "", "path"),
        ("supertoss://send?amount=1.5&bank=x&accountNo=123", "amount", "form"),
        ("supertoss://send?amount=1&accountNo=123", "bank", "missing"),
        ("supertoss://send?amount=1&bank=x&accountNo=12a", "accountNo", "form"),
        ("supertoss://pay?amount=1&bank=x&accountNo=123", "", "path"),
    ] {
        assert!(errors(&lint(link)).contains(&(tag, fault)), "{link}: {:?}", lint(link).errors);
    }
    let plus = lint("upi://pay?pa=shop@ybl&pn=Acme+%26+Sons&cu=INR");
    assert!(plus.valid && warns(&plus, "pn", "plus"));
    assert_eq!(plus.value("pn"), Some("Acme & Sons"));
}

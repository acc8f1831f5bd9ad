//! Names of banks behind the codes that accounts carry: payers choose their payee's bank from a list of names.
//!
//! Only widely used banks, and only codes on which several public lists agree. An unknown code is shown as it is.

use xanpay_domain::method::Method;

/// Codes of the Hong Kong clearing house.
const HONG_KONG: &[(&str, &str)] = &[
    ("003", "Standard Chartered (Hong Kong)"),
    ("004", "HSBC"),
    ("012", "Bank of China (Hong Kong)"),
    ("015", "Bank of East Asia"),
    ("016", "DBS Bank (Hong Kong)"),
    ("018", "China CITIC Bank International"),
    ("024", "Hang Seng Bank"),
    ("040", "Dah Sing Bank"),
    ("072", "ICBC (Asia)"),
    ("128", "Fubon Bank (Hong Kong)"),
    ("387", "ZA Bank"),
    ("388", "Livi Bank"),
    ("389", "Mox Bank"),
    ("390", "WeLab Bank"),
];

/// Codes of Bank Indonesia.
const INDONESIA: &[(&str, &str)] = &[
    ("002", "BRI"),
    ("008", "Bank Mandiri"),
    ("009", "BNI"),
    ("011", "Bank Danamon"),
    ("013", "PermataBank"),
    ("014", "BCA"),
    ("016", "Maybank Indonesia"),
    ("019", "Panin Bank"),
    ("022", "CIMB Niaga"),
    ("023", "UOB Indonesia"),
    ("028", "OCBC Indonesia"),
    ("200", "BTN"),
    ("426", "Bank Mega"),
    ("451", "BSI"),
    ("536", "BCA Syariah"),
];

/// BICs of the Philippines.
const PHILIPPINES: &[(&str, &str)] = &[
    ("BNORPHMMXXX", "BDO"),
    ("BOPIPHMMXXX", "BPI"),
    ("CHBKPHMMXXX", "China Bank"),
    ("GOTYPHM2XXX", "GoTyme Bank"),
    ("GXCHPHM2XXX", "GCash"),
    ("MBTCPHMMXXX", "Metrobank"),
    ("MYDBPHM2XXX", "Maya Bank"),
    ("PAPHPHM1XXX", "Maya"),
    ("PNBMPHMMXXX", "PNB"),
    ("RCBCPHMMXXX", "RCBC"),
    ("SETCPHMMXXX", "Security Bank"),
    ("TLBPPHMMXXX", "LandBank"),
    ("UBPHPHMMXXX", "UnionBank"),
];

/// BINs of NAPAS.
const VIETNAM: &[(&str, &str)] = &[
    ("970403", "Sacombank"),
    ("970405", "Agribank"),
    ("970407", "Techcombank"),
    ("970415", "VietinBank"),
    ("970416", "ACB"),
    ("970418", "BIDV"),
    ("970422", "MB Bank"),
    ("970423", "TPBank"),
    ("970432", "VPBank"),
    ("970436", "Vietcombank"),
    ("970437", "HDBank"),
    ("970441", "VIB"),
    ("970443", "SHB"),
    ("971005", "Viettel Money"),
];

/// The name of a bank by the code that an account of the method carries.
#[must_use]
pub fn bank_name(method: Method, code: &str) -> Option<&'static str> {
    let banks = match method {
        Method::HkBankTransfer => HONG_KONG,
        Method::IdBankTransfer => INDONESIA,
        Method::Instapay => PHILIPPINES,
        Method::ViettelPay => VIETNAM,
        Method::Fps
        | Method::Paynow
        | Method::DuitNow
        | Method::PromptPay
        | Method::InBankTransfer
        | Method::GojekId
        | Method::AuBankTransfer
        | Method::NzBankTransfer
        | Method::Toss => return None,
    };
    banks.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_its_bank_in_its_own_country_only() {
        assert_eq!(bank_name(Method::IdBankTransfer, "014"), Some("BCA"));
        assert_eq!(bank_name(Method::HkBankTransfer, "016"), Some("DBS Bank (Hong Kong)"));
        assert_eq!(bank_name(Method::IdBankTransfer, "016"), Some("Maybank Indonesia"));
        assert_eq!(bank_name(Method::ViettelPay, "971005"), Some("Viettel Money"));
        assert_eq!(bank_name(Method::ViettelPay, "999999"), None);
        assert_eq!(bank_name(Method::Toss, "014"), None);
    }

    #[test]
    fn codes_have_the_length_of_their_lists_and_stand_once_and_in_order() {
        for (banks, length) in [(HONG_KONG, 3), (INDONESIA, 3), (PHILIPPINES, 11), (VIETNAM, 6)] {
            assert!(banks.iter().all(|(code, name)| code.len() == length && !name.is_empty()));
            assert!(banks.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}

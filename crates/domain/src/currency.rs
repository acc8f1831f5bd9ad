//! Currencies by ISO 4217: alphabetic code, numeric code and minor unit.

use core::fmt;
use core::str::FromStr;

/// A currency of ISO 4217 that has a minor unit (funds and metals codes have none and are not currencies here).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    index: u8,
}

/// The text is not an ISO 4217 code in upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an ISO 4217 currency code in upper case")]
pub struct UnknownCurrency;

impl Currency {
    /// Singapore dollar.
    pub const SGD: Self = Self::known("SGD");
    /// Hong Kong dollar.
    pub const HKD: Self = Self::known("HKD");
    /// Renminbi yuan.
    pub const CNY: Self = Self::known("CNY");
    /// Vietnamese dong.
    pub const VND: Self = Self::known("VND");
    /// Malaysian ringgit.
    pub const MYR: Self = Self::known("MYR");
    /// Philippine peso.
    pub const PHP: Self = Self::known("PHP");
    /// Thai baht.
    pub const THB: Self = Self::known("THB");
    /// Indian rupee.
    pub const INR: Self = Self::known("INR");
    /// Indonesian rupiah.
    pub const IDR: Self = Self::known("IDR");
    /// Australian dollar.
    pub const AUD: Self = Self::known("AUD");
    /// New Zealand dollar.
    pub const NZD: Self = Self::known("NZD");
    /// Korean won.
    pub const KRW: Self = Self::known("KRW");
    /// Euro, through which cross rates are computed.
    pub const EUR: Self = Self::known("EUR");
    /// United States dollar.
    pub const USD: Self = Self::known("USD");

    /// The currency of a code that is known to be in the table; a typing error in this crate fails to compile.
    const fn known(code: &str) -> Self {
        let wanted = code.as_bytes();
        let mut index = 0;
        loop {
            let found = TABLE[index].0.as_bytes();
            if found[0] == wanted[0] && found[1] == wanted[1] && found[2] == wanted[2] {
                return Self { index: index as u8 };
            }
            index += 1;
        }
    }

    /// The alphabetic code, three upper-case letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        TABLE[usize::from(self.index)].0
    }

    /// Digits after the decimal point by ISO 4217. A rail may pay in coarser steps: see [`crate::method::Method::payable_exponent`].
    #[must_use]
    pub fn exponent(self) -> u32 {
        TABLE[usize::from(self.index)].1
    }

    /// The three-digit numeric code, as EMV payloads carry it (702 for SGD).
    #[must_use]
    pub fn numeric(self) -> u16 {
        TABLE[usize::from(self.index)].2
    }

    /// All currencies, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(|index| Self { index: index as u8 })
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TABLE
            .binary_search_by(|row| row.0.cmp(text))
            .map(|index| Self { index: index as u8 })
            .map_err(|_| UnknownCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Code, minor unit, numeric code. Source: ISO 4217 list one, published 2026-01-01, in the order of the codes.
#[rustfmt::skip]
const TABLE: &[(&str, u32, u16)] = &[
    ("AED", 2, 784),
    ("AFN", 2, 971),
    ("ALL", 2, 8),
    ("AMD", 2, 51),
    ("AOA", 2, 973),
    ("ARS", 2, 32),
    ("AUD", 2, 36),
    ("AWG", 2, 533),
    ("AZN", 2, 944),
    ("BAM", 2, 977),
    ("BBD", 2, 52),
    ("BDT", 2, 50),
    ("BHD", 3, 48),
    ("BIF", 0, 108),
    ("BMD", 2, 60),
    ("BND", 2, 96),
    ("BOB", 2, 68),
    ("BOV", 2, 984),
    ("BRL", 2, 986),
    ("BSD", 2, 44),
    ("BTN", 2, 64),
    ("BWP", 2, 72),
    ("BYN", 2, 933),
    ("BZD", 2, 84),
    ("CAD", 2, 124),
    ("CDF", 2, 976),
    ("CHE", 2, 947),
    ("CHF", 2, 756),
    ("CHW", 2, 948),
    ("CLF", 4, 990),
    ("CLP", 0, 152),
    ("CNY", 2, 156),
    ("COP", 2, 170),
    ("COU", 2, 970),
    ("CRC", 2, 188),
    ("CUP", 2, 192),
    ("CVE", 2, 132),
    ("CZK", 2, 203),
    ("DJF", 0, 262),
    ("DKK", 2, 208),
    ("DOP", 2, 214),
    ("DZD", 2, 12),
    ("EGP", 2, 818),
    ("ERN", 2, 232),
    ("ETB", 2, 230),
    ("EUR", 2, 978),
    ("FJD", 2, 242),
    ("FKP", 2, 238),
    ("GBP", 2, 826),
    ("GEL", 2, 981),
    ("GHS", 2, 936),
    ("GIP", 2, 292),
    ("GMD", 2, 270),
    ("GNF", 0, 324),
    ("GTQ", 2, 320),
    ("GYD", 2, 328),
    ("HKD", 2, 344),
    ("HNL", 2, 340),
    ("HTG", 2, 332),
    ("HUF", 2, 348),
    ("IDR", 2, 360),
    ("ILS", 2, 376),
    ("INR", 2, 356),
    ("IQD", 3, 368),
    ("IRR", 2, 364),
    ("ISK", 0, 352),
    ("JMD", 2, 388),
    ("JOD", 3, 400),
    ("JPY", 0, 392),
    ("KES", 2, 404),
    ("KGS", 2, 417),
    ("KHR", 2, 116),
    ("KMF", 0, 174),
    ("KPW", 2, 408),
    ("KRW", 0, 410),
    ("KWD", 3, 414),
    ("KYD", 2, 136),
    ("KZT", 2, 398),
    ("LAK", 2, 418),
    ("LBP", 2, 422),
    ("LKR", 2, 144),
    ("LRD", 2, 430),
    ("LSL", 2, 426),
    ("LYD", 3, 434),
    ("MAD", 2, 504),
    ("MDL", 2, 498),
    ("MGA", 2, 969),
    ("MKD", 2, 807),
    ("MMK", 2, 104),
    ("MNT", 2, 496),
    ("MOP", 2, 446),
    ("MRU", 2, 929),
    ("MUR", 2, 480),
    ("MVR", 2, 462),
    ("MWK", 2, 454),
    ("MXN", 2, 484),
    ("MXV", 2, 979),
    ("MYR", 2, 458),
    ("MZN", 2, 943),
    ("NAD", 2, 516),
    ("NGN", 2, 566),
    ("NIO", 2, 558),
    ("NOK", 2, 578),
    ("NPR", 2, 524),
    ("NZD", 2, 554),
    ("OMR", 3, 512),
    ("PAB", 2, 590),
    ("PEN", 2, 604),
    ("PGK", 2, 598),
    ("PHP", 2, 608),
    ("PKR", 2, 586),
    ("PLN", 2, 985),
    ("PYG", 0, 600),
    ("QAR", 2, 634),
    ("RON", 2, 946),
    ("RSD", 2, 941),
    ("RUB", 2, 643),
    ("RWF", 0, 646),
    ("SAR", 2, 682),
    ("SBD", 2, 90),
    ("SCR", 2, 690),
    ("SDG", 2, 938),
    ("SEK", 2, 752),
    ("SGD", 2, 702),
    ("SHP", 2, 654),
    ("SLE", 2, 925),
    ("SOS", 2, 706),
    ("SRD", 2, 968),
    ("SSP", 2, 728),
    ("STN", 2, 930),
    ("SVC", 2, 222),
    ("SYP", 2, 760),
    ("SZL", 2, 748),
    ("THB", 2, 764),
    ("TJS", 2, 972),
    ("TMT", 2, 934),
    ("TND", 3, 788),
    ("TOP", 2, 776),
    ("TRY", 2, 949),
    ("TTD", 2, 780),
    ("TWD", 2, 901),
    ("TZS", 2, 834),
    ("UAH", 2, 980),
    ("UGX", 0, 800),
    ("USD", 2, 840),
    ("USN", 2, 997),
    ("UYI", 0, 940),
    ("UYU", 2, 858),
    ("UYW", 4, 927),
    ("UZS", 2, 860),
    ("VED", 2, 926),
    ("VES", 2, 928),
    ("VND", 0, 704),
    ("VUV", 0, 548),
    ("WST", 2, 882),
    ("XAD", 2, 396),
    ("XAF", 0, 950),
    ("XCD", 2, 951),
    ("XCG", 2, 532),
    ("XOF", 0, 952),
    ("XPF", 0, 953),
    ("YER", 2, 886),
    ("ZAR", 2, 710),
    ("ZMW", 2, 967),
    ("ZWG", 2, 924),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_fits_the_index() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(TABLE.len() <= usize::from(u8::MAX));
    }

    #[test]
    fn codes_are_case_sensitive_and_exact() {
        assert_eq!("SGD".parse(), Ok(Currency::SGD));
        for wrong in ["sgd", "SG", "SGDX", "", "XAU", "XXX"] {
            assert_eq!(wrong.parse::<Currency>(), Err(UnknownCurrency), "{wrong}");
        }
    }

    #[test]
    fn minor_units_follow_the_standard() {
        for (code, exponent) in [("SGD", 2), ("JPY", 0), ("KRW", 0), ("VND", 0), ("IDR", 2), ("KWD", 3)] {
            assert_eq!(code.parse::<Currency>().unwrap().exponent(), exponent, "{code}");
        }
        assert_eq!(Currency::SGD.numeric(), 702);
    }
}

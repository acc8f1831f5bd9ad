//! The thirteen payment methods of the public API.

use crate::currency::Currency;
use crate::time::Span;
use core::fmt;
use core::str::FromStr;

/// A way for the customer to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Faster Payment System, Hong Kong.
    Fps,
    /// Bank transfer, Hong Kong.
    HkBankTransfer,
    /// PayNow, Singapore.
    Paynow,
    /// Viettel Money by VietQR, Vietnam.
    ViettelPay,
    /// DuitNow, Malaysia.
    DuitNow,
    /// InstaPay by QR Ph, Philippines.
    Instapay,
    /// PromptPay, Thailand.
    PromptPay,
    /// UPI or bank transfer, India.
    InBankTransfer,
    /// GoPay by QRIS, Indonesia.
    GojekId,
    /// Bank transfer, Indonesia.
    IdBankTransfer,
    /// Bank transfer, Australia.
    AuBankTransfer,
    /// Bank transfer, New Zealand.
    NzBankTransfer,
    /// Toss, Korea.
    Toss,
}

/// The text names no method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a payment method")]
pub struct UnknownMethod;

impl Method {
    /// All methods, in the order of the public documentation.
    pub const ALL: [Self; 13] = [
        Self::Fps,
        Self::HkBankTransfer,
        Self::Paynow,
        Self::ViettelPay,
        Self::DuitNow,
        Self::Instapay,
        Self::PromptPay,
        Self::InBankTransfer,
        Self::GojekId,
        Self::IdBankTransfer,
        Self::AuBankTransfer,
        Self::NzBankTransfer,
        Self::Toss,
    ];

    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fps => "fps",
            Self::HkBankTransfer => "hk-bank-transfer",
            Self::Paynow => "paynow",
            Self::ViettelPay => "viettel-pay",
            Self::DuitNow => "duit-now",
            Self::Instapay => "instapay",
            Self::PromptPay => "prompt-pay",
            Self::InBankTransfer => "in-bank-transfer",
            Self::GojekId => "gojek-id",
            Self::IdBankTransfer => "id-bank-transfer",
            Self::AuBankTransfer => "au-bank-transfer",
            Self::NzBankTransfer => "nz-bank-transfer",
            Self::Toss => "toss",
        }
    }

    /// The name a customer knows.
    #[must_use]
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Fps => "FPS",
            Self::Paynow => "PayNow",
            Self::ViettelPay => "Viettel Money",
            Self::DuitNow => "DuitNow",
            Self::Instapay => "InstaPay",
            Self::PromptPay => "PromptPay",
            Self::InBankTransfer => "UPI / bank transfer",
            Self::GojekId => "GoPay",
            Self::Toss => "Toss",
            Self::HkBankTransfer | Self::IdBankTransfer | Self::AuBankTransfer | Self::NzBankTransfer => {
                "Bank transfer"
            }
        }
    }

    /// Whether the payer's reference travels as the name that the payee is shown: the transfers carry no other words.
    #[must_use]
    pub fn refers_by_payer_name(self) -> bool {
        matches!(self, Self::Toss)
    }

    /// ISO 3166-1 alpha-2 code of the country in which the method is used.
    #[must_use]
    pub fn country(self) -> &'static str {
        match self {
            Self::Fps | Self::HkBankTransfer => "HK",
            Self::Paynow => "SG",
            Self::ViettelPay => "VN",
            Self::DuitNow => "MY",
            Self::Instapay => "PH",
            Self::PromptPay => "TH",
            Self::InBankTransfer => "IN",
            Self::GojekId | Self::IdBankTransfer => "ID",
            Self::AuBankTransfer => "AU",
            Self::NzBankTransfer => "NZ",
            Self::Toss => "KR",
        }
    }

    /// The country's code of telephone numbers (ITU-T E.164), without the plus sign.
    #[must_use]
    pub fn calling_code(self) -> &'static str {
        match self {
            Self::Fps | Self::HkBankTransfer => "852",
            Self::Paynow => "65",
            Self::ViettelPay => "84",
            Self::DuitNow => "60",
            Self::Instapay => "63",
            Self::PromptPay => "66",
            Self::InBankTransfer => "91",
            Self::GojekId | Self::IdBankTransfer => "62",
            Self::AuBankTransfer => "61",
            Self::NzBankTransfer => "64",
            Self::Toss => "82",
        }
    }

    /// The currency that the customer pays in.
    #[must_use]
    pub fn currency(self) -> Currency {
        match self {
            Self::Fps | Self::HkBankTransfer => Currency::HKD,
            Self::Paynow => Currency::SGD,
            Self::ViettelPay => Currency::VND,
            Self::DuitNow => Currency::MYR,
            Self::Instapay => Currency::PHP,
            Self::PromptPay => Currency::THB,
            Self::InBankTransfer => Currency::INR,
            Self::GojekId | Self::IdBankTransfer => Currency::IDR,
            Self::AuBankTransfer => Currency::AUD,
            Self::NzBankTransfer => Currency::NZD,
            Self::Toss => Currency::KRW,
        }
    }

    /// Digits after the point that can be paid on this rail: rupiah are paid whole although ISO 4217 gives them two.
    #[must_use]
    pub fn payable_exponent(self) -> u32 {
        let currency = self.currency();
        if currency == Currency::IDR { 0 } else { currency.exponent() }
    }

    /// How long a new charge waits for its money unless the operator sets another time: 24 hours for bank transfers,
    /// 60 minutes for instant rails.
    #[must_use]
    pub fn default_time_to_live(self) -> Span {
        match self {
            Self::HkBankTransfer
            | Self::InBankTransfer
            | Self::IdBankTransfer
            | Self::AuBankTransfer
            | Self::NzBankTransfer => Span::hours(24),
            Self::Fps
            | Self::Paynow
            | Self::ViettelPay
            | Self::DuitNow
            | Self::Instapay
            | Self::PromptPay
            | Self::GojekId
            | Self::Toss => Span::minutes(60),
        }
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or(UnknownMethod)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for method in Method::ALL {
            assert_eq!(method.as_str().parse(), Ok(method));
        }
        assert_eq!("PayNow".parse::<Method>(), Err(UnknownMethod));
    }

    #[test]
    fn dong_won_and_rupiah_are_paid_whole() {
        for method in [Method::ViettelPay, Method::Toss, Method::GojekId, Method::IdBankTransfer] {
            assert_eq!(method.payable_exponent(), 0, "{method}");
        }
        assert_eq!(Method::Paynow.payable_exponent(), 2);
    }
}

//! What the tags of every EMVCo code are called.

/// The name of a root tag.
pub(crate) fn root(tag: &str) -> &'static str {
    match tag.parse::<u8>().unwrap_or(99) {
        0 => "payload format",
        1 => "point of initiation",
        2 | 3 => "account at Visa",
        4 | 5 => "account at Mastercard",
        6..=8 => "account reserved by EMVCo",
        9 | 10 => "account at Discover",
        11 | 12 => "account at American Express",
        13 | 14 => "account at JCB",
        15 | 16 => "account at UnionPay",
        17..=25 => "account reserved by EMVCo",
        26..=51 => "payee account",
        52 => "merchant category",
        53 => "currency",
        54 => "amount",
        55 => "tip or convenience fee",
        56 => "fixed fee",
        57 => "percentage fee",
        58 => "country",
        59 => "payee name",
        60 => "city",
        61 => "postal code",
        62 => "additional data",
        63 => "checksum",
        64 => "name in another language",
        65..=79 => "reserved by EMVCo",
        _ => "private data",
    }
}

/// The name of a tag inside 62.
pub(crate) fn additional(tag: &str) -> &'static str {
    match tag.parse::<u8>().unwrap_or(99) {
        0 => "id of the issuer",
        1 => "bill number",
        2 => "mobile number",
        3 => "store",
        4 => "loyalty number",
        5 => "reference",
        6 => "customer",
        7 => "terminal",
        8 => "purpose",
        9 => "data asked of the payer",
        10 => "merchant tax id",
        11 => "merchant channel",
        12..=49 => "reserved by EMVCo",
        _ => "data of the payment system",
    }
}

/// The name of a tag inside 64.
pub(crate) fn language(tag: &str) -> &'static str {
    match tag.parse::<u8>().unwrap_or(99) {
        0 => "language",
        1 => "payee name in that language",
        2 => "city in that language",
        _ => "reserved by EMVCo",
    }
}

//! The checksum of tag 63: CRC-16 with polynomial 1021, start value FFFF, no reflection, no final inversion.

/// The checksum of bytes; of "123456789" it is 29B1.
#[must_use]
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    let mut crc: u16 = 0xFFFF;
    for byte in bytes {
        // The index is below 256, so the fallback never stands in.
        let step = TABLE.get(usize::from((crc >> 8) ^ u16::from(*byte))).copied().unwrap_or_default();
        crc = (crc << 8) ^ step;
    }
    crc
}

/// What one byte does to the checksum.
const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_value_comes_out() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
        assert_eq!(crc16(b""), 0xFFFF);
    }
}

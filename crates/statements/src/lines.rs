//! Line numbers of byte offsets.

/// Counts lines while offsets grow, so that a whole file costs one pass.
pub(crate) struct LineCounter<'a> {
    text: &'a [u8],
    offset: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), offset: 0, line: 1 }
    }

    /// The line, counted from 1, of the byte at `offset`. Offsets must not fall from call to call; one that does gets
    /// the line of the call before. Line ends are LF, CRLF or a lone CR.
    pub(crate) fn at(&mut self, offset: usize) -> usize {
        while self.offset < offset {
            let Some(byte) = self.text.get(self.offset) else { break };
            let is_end = match byte {
                b'\n' => true,
                b'\r' => self.text.get(self.offset + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += usize::from(is_end);
            self.offset += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_over_all_three_line_ends() {
        let text = "a\nb\r\nc\rd";
        let mut lines = LineCounter::new(text);
        let found: Vec<usize> = ["a", "b", "c", "d"].iter().map(|c| lines.at(text.find(c).unwrap())).collect();
        assert_eq!(found, [1, 2, 3, 4]);
        assert_eq!(lines.at(10_000), 4);
    }
}

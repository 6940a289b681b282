//! Text for terminals and logs: a file name must not forge a line, move the cursor, or reverse the order of displayed
//! text.

use std::borrow::Cow;
use std::io::{self, Write};

/// Whether a character has another effect than to be displayed.
fn acts(c: char) -> bool {
    match c {
        '\t' => false,
        // Characters that change the direction of text, or end a line or a paragraph.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

/// One line of text with all such characters escaped, as Rust writes them: `\n`, `\u{202e}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.into()
}

/// Writes a log to `W`: the text of one call becomes one line, even if it contains line ends.
#[derive(Debug)]
pub struct PrintableLines<W>(pub W);

impl<W: Write> Write for PrintableLines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        self.0.write_all(format!("{}\n", printable(line)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_act() {
        assert_eq!(printable("IMG 1\t\u{e9}\u{5d0}.jpg"), "IMG 1\t\u{e9}\u{5d0}.jpg");
        assert_eq!(printable("\x1b[31mred\u{9b}2J\r.jpg"), "\\u{1b}[31mred\\u{9b}2J\\r.jpg");
        assert_eq!(printable("a\nERROR b\u{2028}c"), "a\\nERROR b\\u{2028}c");
        assert_eq!(printable("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_acts_is_left(text in "(\\PC|[\u{0}-\u{1f}\u{7f}-\u{9f}]|[\u{200e}-\u{202e}\u{2066}-\u{2069}]){0,40}") {
            let printed = printable(&text);
            proptest::prop_assert!(!printed.contains(acts), "{printed:?}");
            let mut log = Vec::new();
            PrintableLines(&mut log).write_all(format!("{text}\n").as_bytes()).unwrap();
            proptest::prop_assert_eq!(log.iter().filter(|b| **b == b'\n').count(), 1);
        }
    }
}

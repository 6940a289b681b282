//! Character classes in patterns: how they are parsed, stored and matched.

use super::{MOST_CLASSES, MOST_RANGES, Patterns};

#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    negated: bool,
    /// The range of its ranges.
    start: u32,
    end: u32,
}

impl Patterns {
    /// Compiles a class after its `[`; `None` if no `]` ends it: then nothing was consumed.
    pub(super) fn class(&mut self, chars: &mut std::str::Chars<'_>) -> Result<Option<[u8; 2]>, String> {
        let mut text = chars.clone();
        let start = self.ranges.len();
        let negated = text.as_str().starts_with(['!', '^']);
        if negated {
            text.next();
        }
        let mut is_first = true;
        // The character before a `-`, which may begin a range.
        let mut last: Option<char> = None;
        loop {
            let Some(c) = text.next() else {
                self.ranges.truncate(start);
                return Ok(None);
            };
            let is_range = |text: &std::str::Chars<'_>| {
                let mut next = text.clone();
                next.next().is_some_and(|c| c != ']')
            };
            match c {
                ']' if !is_first => break,
                '[' if text.as_str().starts_with(':') => match named_class(text.as_str()) {
                    Some((ranges, rest)) => {
                        self.ranges.extend(ranges);
                        text = rest.chars();
                        last = None;
                    }
                    None => {
                        self.ranges.push(('[', '['));
                        last = Some('[');
                    }
                },
                '-' if last.is_some() && is_range(&text) => {
                    let from = last.take().unwrap_or('-');
                    let mut to = text.next().unwrap_or('-');
                    if to == '\\' {
                        let Some(escaped) = text.next() else {
                            self.ranges.truncate(start);
                            return Ok(None);
                        };
                        to = escaped;
                    }
                    if to < from {
                        return Err(format!("{from}-{to} is no range of characters"));
                    }
                    if let Some(range) = self.ranges.last_mut() {
                        range.1 = to;
                    }
                }
                c => {
                    let c = match c {
                        '\\' => {
                            let Some(escaped) = text.next() else {
                                self.ranges.truncate(start);
                                return Ok(None);
                            };
                            escaped
                        }
                        c => c,
                    };
                    self.ranges.push((c, c));
                    last = Some(c);
                }
            }
            is_first = false;
        }
        let number = self.classes.len();
        if number >= MOST_CLASSES || self.ranges.len() > MOST_RANGES {
            return Err("there are too many character classes up to here".into());
        }
        self.classes.push(Class { negated, start: start as u32, end: self.ranges.len() as u32 });
        *chars = text;
        Ok(Some(class_bytes(number)))
    }

    /// Whether a character is in the class whose number these bytes begin with; bytes that are not UTF-8 are only in
    /// negated classes.
    pub(super) fn is_in_class(&self, number: &[u8], c: Option<char>) -> bool {
        let [high, low, ..] = number else { return false };
        let number = usize::from(high & 0x3f) << 6 | usize::from(low & 0x3f);
        let Some(class) = self.classes.get(number) else { return false };
        let ranges = &self.ranges[class.start as usize..class.end as usize];
        let is_listed = c.is_some_and(|c| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)));
        is_listed != class.negated
    }
}

/// The number of a class as two bytes that are neither a code nor a slash.
pub(super) fn class_bytes(number: usize) -> [u8; 2] {
    [0x80 | (number >> 6) as u8 & 0x3f, 0x80 | number as u8 & 0x3f]
}

/// A class such as `[:alpha:]`, after its `[`: its ranges, and the rest of the text.
fn named_class(text: &str) -> Option<(&'static [(char, char)], &str)> {
    let (name, rest) = text.strip_prefix(':')?.split_once(":]")?;
    let ranges: &[(char, char)] = match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "blank" => &[(' ', ' '), ('\t', '\t')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[(' ', ' '), ('\t', '\r')],
        "upper" => &[('A', 'Z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    Some((ranges, rest))
}

//! Patterns in gitignore syntax, compiled and matched with bounds: an `.albumenignore` is written by users and is
//! untrusted input.
//!
//! Invariants: no recursion; memory is linear in the text and bounded by the limits below; a match takes at most
//! (length of the patterns) x (length of the path) steps, for any pattern; nothing is dropped silently: an invalid
//! line refuses the whole set, with its number and the reason.
//!
//! Syntax, as git documents it: `#` comments, `!` includes again, a `/` at the beginning or inside anchors the
//! pattern to the folder of the file, a `/` at the end means folders only, `*` and `?` and `[...]` within a name,
//! `**` for any number of folders, `\` escapes a character. One addition: `{jpg,png}` matches either. `?` and a class
//! match one character of UTF-8.

mod class;

use class::Class;

/// A longer line cannot be a path of a file system.
const LONGEST_LINE: usize = 4096;
/// Patterns of one set, after expansion of braces.
const MOST_PATTERNS: usize = 20_000;
/// Patterns that the braces of one line may expand to.
const MOST_ALTERNATIVES: usize = 256;
/// Nesting depth of braces.
const DEEPEST_BRACES: usize = 16;
/// Bytes of the compiled set.
const MOST_MEMORY: usize = 512 << 10;
/// Bytes of compiled patterns with wildcards: each of them may be compared with every character of a name.
const MOST_WILDCARDS: usize = 64 << 10;
/// Character classes, and the total of their ranges.
const MOST_CLASSES: usize = 1 << 12;
const MOST_RANGES: usize = 1 << 14;

/// Codes in compiled patterns; UTF-8 has no such bytes. A class is followed by two bytes, [`class::class_bytes`].
const RECURSIVE: u8 = 0xfc;
const CLASS: u8 = 0xfd;
const STAR: u8 = 0xfe;
const ANY: u8 = 0xff;

/// Why a set of patterns is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// From 1; `None`: it concerns the file as a whole.
    pub(super) line: Option<u32>,
    pub(super) why: String,
}

/// The verdict of a set on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    LeftOut,
    /// A `!` pattern: included again.
    Kept,
}

/// The patterns of one file, or of the config.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    /// All patterns one after the other.
    code: Vec<u8>,
    classes: Vec<Class>,
    ranges: Vec<(char, char)>,
    /// Bytes of `code` that are in patterns with wildcards.
    wildcards: usize,
}

#[derive(Debug, Clone, Copy)]
struct Pattern {
    start: u32,
    length: u16,
    keeps: bool,
    folders_only: bool,
    /// It has no slash: it is compared with the name, in any folder.
    name_only: bool,
    literal: bool,
}

impl Patterns {
    /// Compiles a file: lines end with LF, CRLF or CR; a UTF-8 byte-order mark at the beginning is skipped.
    pub(super) fn of_file(text: &[u8]) -> Result<Patterns, Refused> {
        let whole = |why: &str| Err(Refused { line: None, why: why.to_owned() });
        if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
            return whole("it is UTF-16: save it as UTF-8");
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut patterns = Patterns::default();
        let mut rest = text;
        let mut number = 0;
        while !rest.is_empty() {
            let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            let ends = if after.starts_with(b"\r\n") { 2 } else { after.len().min(1) };
            rest = &after[ends..];
            number += 1;
            patterns.add_line(line).map_err(|why| Refused { line: Some(number), why })?;
        }
        patterns.shrink();
        Ok(patterns)
    }

    /// Frees excess capacity.
    pub(super) fn shrink(&mut self) {
        self.patterns.shrink_to_fit();
        self.code.shrink_to_fit();
        self.classes.shrink_to_fit();
        self.ranges.shrink_to_fit();
    }

    /// Bytes that the set takes.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.patterns)
            + self.code.len()
            + size_of_val(&*self.classes)
            + size_of_val(&*self.ranges)
    }

    /// See [`MOST_WILDCARDS`].
    pub(super) fn wildcards(&self) -> usize {
        self.wildcards
    }

    /// Adds one line, which may be empty or a comment; the error has the reason.
    pub(super) fn add_line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.first() == Some(&b'#') {
            return Ok(());
        }
        if line.contains(&0) {
            return Err("it has a NUL byte in it: this is no text file in UTF-8".into());
        }
        if line.len() > LONGEST_LINE {
            return Err(format!("it is longer than {LONGEST_LINE} bytes"));
        }
        let Ok(line) = std::str::from_utf8(line) else {
            return Err("it is not UTF-8 text: save the file as UTF-8".into());
        };
        let mut line = trim_end(line);
        let keeps = line.starts_with('!');
        line = line.strip_prefix('!').unwrap_or(line);
        let anchored = line.starts_with('/');
        line = line.strip_prefix('/').unwrap_or(line);
        let folders_only = line.ends_with('/');
        if folders_only {
            line = &line[..line.len() - 1];
            // The slash was escaped, which changes nothing.
            if is_escaped(line) {
                line = &line[..line.len() - 1];
            }
        }
        if line.is_empty() {
            return Ok(());
        }
        let name_only = !anchored && !line.contains('/');
        for code in self.alternatives(line)? {
            let mut code = in_segments(&code);
            if name_only && code.contains(&b'/') {
                // A `**` that is not a whole segment.
                code = vec![STAR];
            }
            let literal = !code.iter().any(|b| *b >= RECURSIVE);
            if !literal {
                self.wildcards += code.len();
            }
            let start = self.code.len() as u32;
            // A line has at most 4096 bytes, and its code hardly more.
            let length = u16::try_from(code.len()).map_err(|_| "it is too long".to_owned())?;
            self.code.extend(code);
            self.patterns.push(Pattern { start, length, keeps, folders_only, name_only, literal });
            if self.patterns.len() > MOST_PATTERNS {
                return Err(format!("there are more than {MOST_PATTERNS} patterns up to here"));
            }
            if self.wildcards > MOST_WILDCARDS {
                return Err(format!(
                    "the patterns with wildcards up to here take more than {} KB",
                    MOST_WILDCARDS >> 10
                ));
            }
            if self.memory() > MOST_MEMORY {
                return Err(format!("the patterns up to here take more than {} KB", MOST_MEMORY >> 10));
            }
        }
        Ok(())
    }

    /// The expansion of a line: one code for each alternative of its braces.
    fn alternatives(&mut self, line: &str) -> Result<Vec<Vec<u8>>, String> {
        /// One pair of braces, or the line itself: its finished branches, and the current one up to here.
        struct Group {
            done: Vec<Vec<u8>>,
            here: Vec<Vec<u8>>,
        }
        let bytes_of = |all: &[Vec<u8>]| all.iter().map(Vec::len).sum::<usize>();
        let too_many =
            || format!("its braces stand for more than {MOST_ALTERNATIVES} patterns, or for very long ones");
        let group = || Group { done: Vec::new(), here: vec![Vec::new()] };
        let mut groups = vec![group()];
        let mut chars = line.chars();
        let mut no_class_ends = false;
        let mut is_after_braces = false;
        while let Some(c) = chars.next() {
            let was_after_braces = std::mem::take(&mut is_after_braces);
            let mut code = [0; 4];
            let code: &[u8] = match c {
                '{' => {
                    if groups.len() > DEEPEST_BRACES {
                        return Err(format!("it has more than {DEEPEST_BRACES} braces inside each other"));
                    }
                    groups.push(group());
                    continue;
                }
                ',' if groups.len() > 1 => {
                    let Some(group) = groups.last_mut() else { continue };
                    group.here.retain(|branch| !branch.is_empty());
                    group.done.append(&mut group.here);
                    group.here.push(Vec::new());
                    if group.done.len() > MOST_ALTERNATIVES || bytes_of(&group.done) > MOST_WILDCARDS {
                        return Err(too_many());
                    }
                    continue;
                }
                '}' => {
                    let inner = groups.pop();
                    let (Some(Group { mut done, mut here }), Some(outer)) = (inner, groups.last_mut()) else {
                        return Err("a } has no {; write \\} for the character itself".into());
                    };
                    done.append(&mut here);
                    done.retain(|branch| !branch.is_empty());
                    if done.is_empty() {
                        continue;
                    }
                    let number = outer.here.len() * done.len();
                    let bytes = bytes_of(&outer.here) * done.len() + bytes_of(&done) * outer.here.len();
                    if number > MOST_ALTERNATIVES || bytes > MOST_WILDCARDS {
                        return Err(too_many());
                    }
                    outer.here = outer.here.iter().flat_map(|a| done.iter().map(|b| joined(a, b))).collect();
                    is_after_braces = true;
                    continue;
                }
                '*' => &[STAR],
                '?' => &[ANY],
                '\\' => match chars.next() {
                    Some(escaped) => escaped.encode_utf8(&mut code).as_bytes(),
                    None => return Err("a backslash at its end escapes nothing".into()),
                },
                '[' if !no_class_ends => match self.class(&mut chars)? {
                    Some(class) => {
                        code = [CLASS, class[0], class[1], 0];
                        &code[..3]
                    }
                    None => {
                        // Without a `]` it is an ordinary character, and so are all following ones.
                        no_class_ends = true;
                        b"["
                    }
                },
                c => c.encode_utf8(&mut code).as_bytes(),
            };
            let Some(group) = groups.last_mut() else { continue };
            // The finished branches of the enclosing groups are bounded where they are multiplied.
            for branch in &mut group.here {
                if was_after_braces { *branch = joined(branch, code) } else { branch.extend(code) }
            }
            if bytes_of(&group.here) > MOST_WILDCARDS {
                return Err(too_many());
            }
        }
        match groups.pop() {
            Some(line) if groups.is_empty() => Ok(line.here),
            _ => Err("a { is not closed; write \\{ for the character itself".into()),
        }
    }

    /// The verdict of the last matching pattern on a path (relative to the folder of the patterns, not empty).
    pub(super) fn verdict(&self, path: &[u8], is_folder: bool) -> Option<Verdict> {
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
        let last = self.patterns.iter().rev().find(|pattern| {
            if pattern.folders_only && !is_folder {
                return false;
            }
            let start = pattern.start as usize;
            let code = &self.code[start..start + usize::from(pattern.length)];
            match (pattern.literal, pattern.name_only) {
                (true, true) => code == name,
                (true, false) => code == path,
                (false, true) => self.matches_name(code, name),
                (false, false) => self.matches_path(code, path),
            }
        })?;
        Some(if last.keeps { Verdict::Kept } else { Verdict::LeftOut })
    }

    /// Segment by segment. If a `**` matched too few folders it is tried with one folder more; an earlier `**` never
    /// has to be tried again, because the segments after it have already matched.
    fn matches_path(&self, code: &[u8], path: &[u8]) -> bool {
        let (mut code, mut path) = (Some(code), Some(path));
        let mut again: Option<(Option<&[u8]>, &[u8])> = None;
        loop {
            match (code.map(first_segment), path.map(first_segment)) {
                (Some(([RECURSIVE], rest)), _) => {
                    again = path.map(|path| (rest, path));
                    code = rest;
                    continue;
                }
                (None, None) => return true,
                (Some((segment, code_rest)), Some((name, path_rest))) if self.matches_name(segment, name) => {
                    (code, path) = (code_rest, path_rest);
                    continue;
                }
                _ => {}
            }
            let Some((rest, from)) = again else { return false };
            let Some(from) = first_segment(from).1 else { return false };
            again = Some((rest, from));
            (code, path) = (rest, Some(from));
        }
    }

    /// The same for the characters of a name and `*`.
    fn matches_name(&self, code: &[u8], name: &[u8]) -> bool {
        let (mut c, mut n) = (0, 0);
        let mut again: Option<(usize, usize)> = None;
        loop {
            match code.get(c) {
                Some(&STAR) => {
                    c += 1;
                    if c == code.len() {
                        return true;
                    }
                    again = Some((c, n));
                    continue;
                }
                None if n == name.len() => return true,
                Some(&op) if n < name.len() => {
                    let (width, length) = match op {
                        ANY => (1, character(&name[n..]).1),
                        CLASS => {
                            let (what, length) = character(&name[n..]);
                            if self.is_in_class(&code[c + 1..], what) { (3, length) } else { (0, 0) }
                        }
                        literal if literal == name[n] => (1, 1),
                        _ => (0, 0),
                    };
                    if width > 0 {
                        (c, n) = (c + width, n + length);
                        continue;
                    }
                }
                _ => {}
            }
            let Some((after, from)) = again else { return false };
            if from >= name.len() {
                return false;
            }
            let from = from + character(&name[from..]).1;
            again = Some((after, from));
            (c, n) = (after, from);
        }
    }
}

/// Without spaces at the end, unless they are escaped.
fn trim_end(line: &str) -> &str {
    let mut line = line;
    while let Some(c) = line.chars().next_back().filter(|c| c.is_whitespace()) {
        let rest = &line[..line.len() - c.len_utf8()];
        if is_escaped(rest) {
            break;
        }
        line = rest;
    }
    line
}

/// Whether the character after this text is escaped: an odd number of backslashes ends the text.
fn is_escaped(text: &str) -> bool {
    text.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// Finds the segments that are `**`, and writes several `*` elsewhere as one, which is equivalent. A `**` at the end
/// matches the contents of the folder, not the folder itself.
fn in_segments(code: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(code.len());
    let mut is_recursive = false;
    for (i, segment) in code.split(|b| *b == b'/').enumerate() {
        if i > 0 {
            out.push(b'/');
        }
        // Two consecutive `**` are equivalent to one.
        if segment == [STAR, STAR] {
            if is_recursive {
                out.pop();
            } else {
                out.push(RECURSIVE);
            }
            is_recursive = true;
            continue;
        }
        is_recursive = false;
        for byte in segment {
            if *byte != STAR || out.last() != Some(&STAR) {
                out.push(*byte);
            }
        }
    }
    if is_recursive {
        out.extend([b'/', STAR]);
    }
    out
}

/// The first segment of a path or pattern, and the rest after its slash.
fn first_segment(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match path.iter().position(|b| *b == b'/') {
        Some(slash) => (&path[..slash], Some(&path[slash + 1..])),
        None => (path, None),
    }
}

/// The first character and its length; an invalid byte counts as a character.
fn character(bytes: &[u8]) -> (Option<char>, usize) {
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 1,
    };
    let text = bytes.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    match text.and_then(|text| text.chars().next()) {
        Some(c) => (Some(c), length),
        None => (None, 1),
    }
}

/// Two consecutive parts of a pattern, one of them from braces: a star at the end of the first and one at the
/// beginning of the second are one star, not `**`.
fn joined(a: &[u8], b: &[u8]) -> Vec<u8> {
    let both = a.last() == Some(&STAR) && b.first() == Some(&STAR);
    [a, if both { &b[1..] } else { b }].concat()
}

#[cfg(test)]
mod tests;

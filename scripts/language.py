#!/usr/bin/env python3
"""Checks texts for the words and turns that scripts/language.txt lists.

    scripts/language.py           documentation, config, packaging, OpenAPI descriptions, scripts
    scripts/language.py --code    comments, doc comments and string literals of Rust and TypeScript, too
    scripts/language.py --count   only the number of hits per file group
    scripts/language.py FILE...   these files only

Prints `file:line: word: better words` and exits with 1 if there are hits. Code spans, link targets and paths are not
checked, and neither are identifiers. Records of past runs in docs/soak stay as they are.
"""
import argparse
import collections
import io
import pathlib
import re
import sys
import tokenize

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "scripts" / "language.txt"
DOCUMENTS = [
    "*.md", "docs/*.md", "fuzz/*.md", "fuzz/*.toml", "fuzz/*.py", "docs/*.yaml", "config/*", "packaging/*", "Makefile",
    "Cargo.toml", ".cargo/config.toml", "crates/*/Cargo.toml", "build/*.cmake", ".ci/*", "scripts/*.sh", "scripts/*.py",
    "scripts/soak/*.sh", "scripts/soak/*.py",
]
CODE = [
    "crates/*/src/**/*.rs", "crates/*/tests/**/*.rs", "crates/*/benches/**/*.rs", "crates/*/examples/**/*.rs",
    "crates/*/build.rs", "crates/*/build/**/*.rs", "tests/**/*.rs", "fuzz/**/*.rs", "web/src/**/*.ts", "web/src/**/*.tsx",
    "web/src/**/*.css", "web/src/i18n/en.json", "web/test/*.mjs", "web/scripts/*.mjs", "models/*.py", "models/manifest.toml",
    "benches/*.py", "benches/peers/*.sh", "benches/peers/*.mjs", "crates/library/build/**/*.py",
]
GENERATED = ("/target/", "/node_modules/", "web/src/api/types.ts")

# Code spans, link targets, addresses, paths and quoted option values.
NOT_PROSE = re.compile(r"``.*?``|`[^`]*`|\]\([^)]*\)|https?://\S+|[\w.*-]*/[\w./*-]+")

# Of shell scripts.
VARIABLE = re.compile(r"\$\w+|\$\{[^}]*\}|--\w+ \w+")

RUST = re.compile(r"""
    (?P<comment>//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
  | (?P<string>b?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:[^"\\]|\\.)*")
  | (?P<skip>b?'(?:[^'\\]|\\.[^']*)'|[A-Za-z_]\w*)
""", re.X | re.S)
SCRIPT = re.compile(r"""
    (?P<comment>//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)
  | (?P<skip>(?<=[(,=:\[!&|?{};+])\s*/(?![/*])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/|[A-Za-z_$][\w$]*)
""", re.X | re.S)
SHELL = re.compile(r"""
    (?P<comment>(?:(?<=\s)|^)\#[^\n]*)
  | (?P<string>"(?:[^"\\]|\\.)*"|'[^']*')
  | (?P<skip>\\.|\$\#|\$\{[^}]*\})
""", re.X | re.S | re.M)


def entries():
    """The banned expressions: one pattern for all of them, and a list of (pattern, better words)."""
    found = []
    for number, line in enumerate(LIST.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        expression, tab, better = line.partition("\t")
        if not tab or not better:
            sys.exit(f"{LIST.name}:{number}: an entry is an expression, a tab and the better words")
        # A lookahead at the end may stand for the end of the word.
        end = "" if expression.endswith(")") else r"\b"
        found.append((re.compile(rf"\b(?:{expression}){end}", re.I), better))
    return re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _ in found), re.I), found


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def lexed(text, pattern):
    """Comments, and string literals that contain a space: others are keys, names and values."""
    for match in pattern.finditer(text):
        kind = match.lastgroup if match.lastgroup != "hashes" else "string"
        part = match.group()
        if kind == "comment" or kind == "string" and " " in part:
            yield line_of(text, match.start()), part


def python(text):
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        part = token.string
        if token.type == tokenize.STRING and re.match(r"[rb]*f", part, re.I):
            part = re.sub(r"\{[^{}]*\}", lambda m: "_" * len(m.group()), part)
        if token.type == tokenize.COMMENT or " " in part and tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE"):
            yield token.start[0], part


def openapi(text):
    """Descriptions and summaries, also folded and literal blocks."""
    block = None
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if block is not None and (not line.strip() or indent > block):
            yield number, line
            continue
        block = None
        if re.match(r"\s*(?:- )?(?:description|summary): [|>]-?\s*$", line):
            block = indent
            continue
        for match in re.finditer(r'\b(?:description|summary): ("(?:[^"\\]|\\.)*"|[^{\[][^}]*?)(?=\s*\}|$|, [a-z_]+: )', line):
            yield number, match.group(1)
        if line.lstrip().startswith("#"):
            yield number, line


def comments(text):
    """Comments of TOML, systemd units, CMake and make, and descriptions of make targets."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.search(r"(?:^|\s)#.*", line):
            yield number, match.group()
        elif line.startswith("Description="):
            yield number, line


def lines(text):
    yield from enumerate(text.splitlines(), 1)


def pieces(path, text):
    """(line, text) for each piece of prose of a file."""
    name, suffix = path.name, path.suffix
    if suffix == ".rs":
        return lexed(text, RUST)
    if suffix in (".ts", ".tsx", ".mjs", ".css"):
        return lexed(text, SCRIPT)
    if suffix == ".py" or text.startswith("#!/usr/bin/env python3"):
        return python(text)
    if suffix == ".sh" or re.match(r"#!/bin/(?:ba)?sh", text):
        return ((number, VARIABLE.sub(lambda m: "_" * len(m.group()), part)) for number, part in lexed(text, SHELL))
    if suffix == ".yaml":
        return openapi(text)
    if suffix in (".toml", ".service", ".cmake") or name == "Makefile":
        return comments(text)
    return lines(text)


def hits(path, any_of_them, banned):
    text = path.read_text(encoding="utf-8")
    for start, piece in pieces(path, text):
        for offset, line in enumerate(piece.split("\n")):
            prose = NOT_PROSE.sub(lambda m: "_" * len(m.group()), line)
            if not any_of_them.search(prose):
                continue
            for pattern, better in banned:
                for match in pattern.finditer(prose):
                    yield start + offset, match.group().strip(), better


def chosen(patterns):
    found = {p for pattern in patterns for p in ROOT.glob(pattern) if p.is_file()}
    return sorted(p for p in found if not any(part in p.as_posix() for part in GENERATED))


def group(path):
    """The crate or folder that a file is counted under."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[:2]) if parts[0] in ("crates", "web", "scripts", "tests") and len(parts) > 2 else parts[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--code", action="store_true", help="check Rust and TypeScript, too")
    parser.add_argument("--count", action="store_true", help="print only the number of hits per crate or folder")
    given = parser.parse_args()
    any_of_them, banned = entries()
    files = [f.resolve() for f in given.files] or chosen(DOCUMENTS + (CODE if given.code else []))
    own = {LIST, pathlib.Path(__file__).resolve()}
    counts = collections.Counter()
    for path in files:
        if path in own:
            continue
        for number, word, better in hits(path, any_of_them, banned):
            counts[group(path)] += 1
            if not given.count:
                print(f"{path.relative_to(ROOT)}:{number}: {word}: {better}")
    if given.code or given.count:
        for name, count in sorted(counts.items()):
            print(f"{name}: {count} hits")
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main())

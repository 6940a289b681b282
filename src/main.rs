//! The engine: parse the command line, call one function.

fn main() {}

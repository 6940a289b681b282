//! Criterion benches (`benches/`) and programs for reports and comparisons (`examples/`). Not shipped.

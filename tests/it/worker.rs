//! Tests of worker, against the real parts.

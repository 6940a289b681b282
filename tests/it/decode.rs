//! Tests of decode, against the real parts.

//! Tests of people, against the real parts.

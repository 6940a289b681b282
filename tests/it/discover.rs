//! Tests of discover, against the real parts.

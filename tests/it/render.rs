//! Tests of render, against the real parts.

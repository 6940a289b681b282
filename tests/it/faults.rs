//! Tests of faults, against the real parts.

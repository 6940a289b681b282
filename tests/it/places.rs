//! Tests of places, against the real parts.

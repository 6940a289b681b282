//! Tests of service, against the real parts.

//! Tests of inspect, against the real parts.

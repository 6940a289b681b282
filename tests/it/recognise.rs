//! Tests of recognise, against the real parts.

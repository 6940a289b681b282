//! Tests of index_run, against the real parts.

//! The long-running side: queue, schedule, HTTP API, metrics.

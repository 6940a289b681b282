//! Pixels to derivatives: the ladder of sizes, encoding, ThumbHash.

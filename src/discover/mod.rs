//! Volumes to candidates: walking, ignore rules, identity, moves, and the volume guard.

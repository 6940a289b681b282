//! Coordinates to places and time zones.

//! The settings, their defaults, and what is refused and why.

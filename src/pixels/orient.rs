//! The eight EXIF orientations.

//! Shrinking, by fast_image_resize.

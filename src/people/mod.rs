//! Faces to people: incremental clustering inside a space, under the constraints that users have set.

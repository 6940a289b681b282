//! The worker and the recogniser: the only program that links codecs and ONNX Runtime. Started by `albumen`,
//! never by a person; it speaks the protocol of `albumen::worker::protocol` on the socket it inherits.

fn main() {}

//! Faces and subjects by ONNX models. All ONNX lives here; it runs in the recogniser process.

"""ONNX: networks written and read with the format's own library."""

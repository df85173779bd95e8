"""The Open Inference Protocol v2 over gRPC and HTTP: codecs of its methods, and its HTTP paths."""

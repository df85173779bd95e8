"""The Open Inference Protocol v2 (package `inference`): generated code, see protos/README.md."""

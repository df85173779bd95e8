"""Neural recommenders for comparison: trained with PyTorch (the extra `neural`), run as ONNX, loaded as a shadow."""

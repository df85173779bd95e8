"""How good the recommendations are: splits without leaks, exact metrics, tuned baselines, the pipeline as served."""

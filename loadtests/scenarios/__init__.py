"""What Locust runs: load over time by name, thresholds that judge it, and where latency bends."""

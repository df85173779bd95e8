"""Route: which vehicle visits whom, when."""

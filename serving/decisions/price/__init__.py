"""Which price, within hard rules."""

"""How much of each item will sell on each day to come, with quantiles."""

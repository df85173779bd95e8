"""What another policy would have earned, from pages that were logged with propensities: `storegate evaluate policy`."""

"""Plans against the best known of published instances."""

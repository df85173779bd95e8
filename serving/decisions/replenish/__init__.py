"""How much to order, and which location gets what there is."""

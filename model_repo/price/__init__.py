"""How demand answers to prices: what the pricing decisions run on."""

"""What a replenishment policy would have cost, on demand as it happened."""

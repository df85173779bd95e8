"""Place: which shelf for which item; which orders to pick together, and in which walk."""

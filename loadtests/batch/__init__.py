"""Batches over files: how fast, in how much memory, what a killed worker costs, and what others feel of them."""

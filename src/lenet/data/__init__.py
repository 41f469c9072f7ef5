"""CATALOGUE 2: where samples come from, what is done to them, in which order and batches they come."""

"""Statistics as plain functions. Knows nothing of where numbers come from."""

"""The configuration while it runs: swapped, compared, rolled back, and tried on recorded traffic."""

"""What leaves: traces as files, and spans to collectors. Knows nothing of faces."""

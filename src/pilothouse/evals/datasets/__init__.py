"""Datasets filled and kept in order: read from files, built from traces, deduplicated, split, scrubbed."""

"""Traces and periods summed up in step with the spans, and the figures read from these sums."""

"""Spans and scores: how they come in, how they are read back, summed up and deleted."""

"""Evaluators of texts beside expected ones, and of texts by themselves: overlap, vectors, readability, coherence."""

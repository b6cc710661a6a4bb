"""Evaluation: evaluators by name, datasets, runs and reviews. Knows nothing of HTTP and of vendors."""

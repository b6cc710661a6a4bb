"""Datasets, runs over them, people's reviews, judges, and the scoring of live traffic."""

"""Judges held against people: what each is worth, estimates by both together, and rankings from comparisons."""

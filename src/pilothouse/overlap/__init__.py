"""How much of a text's wording is that of another, and what a text is like by itself: plain functions over texts.

Knows nothing of models and of what a score is for. No function changes a text's meaning into a number: wording that
differs counts as different, however right it is.
"""

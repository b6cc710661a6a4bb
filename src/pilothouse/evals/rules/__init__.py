"""Evaluators that need no model: form, schema, patterns, length, words, language, links, refusals, citations, limits,
matches. Plain computation on one case."""

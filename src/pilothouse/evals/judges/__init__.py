"""Evaluators that ask a model: rubrics, comparisons, claims. They speak to it through the gateway alone."""

"""Prompts with places, filled in: three syntaxes, typed variables, inclusion of other prompts, few-shot examples.

Rendering reads its arguments and nothing else: no clock, no chance, no environment, no attribute of a Python object.
It costs at most what `limits` says, whoever wrote the template. Knows nothing of databases, labels or calls to models.
"""

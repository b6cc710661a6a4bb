"""Agents: models that call tools, step by step, where no text from outside can bring about what nobody approved.

That holds by the flow of data (docs/decisions/015), whatever a model does that has read such a text.
"""

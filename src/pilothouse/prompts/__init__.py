"""Prompts as things that are released: what one is, its versions and labels, and how they come about.

Knows nothing of HTTP and of the gateway, which serves by them.
"""

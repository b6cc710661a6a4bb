"""Prompts as things that are released: what one is, its versions and labels, its
template, what is wrong with it, the file of it in git, and the experiments over it.

Knows nothing of HTTP and of the gateway, which serves by them.
"""

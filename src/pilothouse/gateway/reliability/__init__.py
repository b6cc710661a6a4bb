"""Asking deployments until one answers, and how each of them is doing."""

"""Answers kept for later: identical requests, requests that mean the same, and parts of answers."""

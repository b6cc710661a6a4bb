"""Runs of suites: what is to be evaluated, asked at a bearable pace, paid for once, and gone on with after a kill."""

"""Online scoring: a sample of the traces that come in, judged after the fact; the verdicts are scores of the traces."""

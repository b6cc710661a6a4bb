"""Experiments while they run: what is seen of their arms, whether that is enough to decide, and what follows."""

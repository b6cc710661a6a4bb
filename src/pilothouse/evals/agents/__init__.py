"""Evaluators of what an agent did: its tool calls, the way it went, and the state that it left. Asks no model."""

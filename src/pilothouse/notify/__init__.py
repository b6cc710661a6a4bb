"""Telling people and programs outside: messages, the channels that carry them, and the outbox that loses none."""

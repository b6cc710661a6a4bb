"""Guards: what looks at the texts of a call before and while they pass, and the policies that say what is done then.

A guard only says what it found. What is done on its word is up to the gateway and to whoever else asks.
"""

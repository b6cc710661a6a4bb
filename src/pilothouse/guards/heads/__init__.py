"""Guards that learned: small heads over the encoder's vectors of a text, and how heads are trained, fitted to one's own
traffic and measured.
"""

"""Texts as guards read them: what is hidden, encoded or spelled oddly made plain, each with a map of places back."""

"""Guards over a text by itself: its length, words, language, letters, code, addresses and tokens of templates."""

"""Guards over a text by itself, without a model: its length, words, language, letters, code, addresses and tokens of templates."""

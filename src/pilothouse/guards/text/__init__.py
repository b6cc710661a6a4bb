"""Guards over a text by itself, without a model: its length, words, language, addresses and tokens of templates."""

"""Guards over a text by itself, without a model: how long it is, which words it holds."""

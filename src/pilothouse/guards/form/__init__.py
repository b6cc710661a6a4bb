"""Guards over the form of an answer: JSON of a schema or of a pydantic model, XML, a pattern. What is broken is mended
where that can be done without guessing, and told exactly where not."""

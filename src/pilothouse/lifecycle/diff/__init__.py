"""Two versions of a model, corpus, prompt or configuration on the same inputs, and one report of what differs."""

"""Guards against texts that want to take a model over, and against answers that give away what they may not."""

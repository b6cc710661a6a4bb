"""Spans as other tools send them: OTLP in its two encodings, and the attributes of GenAI, OpenInference, Langfuse."""

"""Model APIs, each behind the same Provider protocol; translates between the OpenAI shapes and the vendor's own."""

"""`/api/prompts` and `/api/experiments`: prompts as they are written, judged, released and compared in production."""
